"""A figure's declaration and data → PNG, SVG and the sidecar that says how it came about."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from latent_atlas.config.corruptions import CLEAN, CORRUPTIONS, SEVERITIES
from latent_atlas.figures.rate import draw_rate
from latent_atlas.figures.style import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    LINE_COLOURS,
    READING_STYLE,
    image_grid,
    panels,
)
from latent_atlas.files import (
    atomic,
    read_table,
    read_tensor_metadata,
    read_tensors,
    sha256_file,
    write_json,
)

ROW_LABELS = {
    "test_images": "test image",
    "test_decodes": "decoded",
    "fitted_decodes": "random, fitted",
    "mixture_decodes": "random, mixture",
}
LAWS = {"normal": "N(0, I)", "uniform": "U(0, 1)", "range": "U(range)"}
PATH_LABELS = {"slerp": "slerp", "linear": "straight", "random_linear": "random, straight"}
PROPERTY_LABELS = {"ink_area": "ink area", "width": "width", "mean_colour": "mean colour"}
TERMS = {
    "loss": "loss",
    "reconstruction_mse": "MSE",
    "kl_nats": "KL in nats",
    "generator_loss": "generator’s loss",
    "discriminator_loss": "discriminator’s loss",
    "real_accuracy": "accuracy on real images",
    "fake_accuracy": "accuracy on fakes",
}
SHARES = ("real_accuracy", "fake_accuracy")
SPOILT_LABELS = {"clean": "test image", "spoilt": "spoilt", "decodes": "decoded"}
SPOILT_METRICS = {
    "corrupted_mse": "MSE to the clean image",
    "corrupted_agreement": "taken for their class",
    "code_shift": "shift of the code",
}
KIND_LABELS = {
    "noise": "Gaussian noise, cut off",
    "unclipped": "Gaussian noise",
    "flips": "flipped pixels",
    "square": "black square",
    "bar": "black bar",
    "column": "black column",
}
NOISES = ("noise", "unclipped")
GROWTH_COLUMNS = 9
SHOWN = 10
SHOWN_PATHS = 2
RUNNING = 50


def draw_figure(spec: dict, data: list[str], outputs, code: str) -> None:
    """Draw `spec` (of `Project.figure_spec`) from the files `data`, one an experiment or one for
    all; write `outputs.png`, `outputs.svg`, `outputs.sidecar`."""
    figure = KINDS[spec["figure"]["kind"]](spec, data)
    for path in (outputs.png, outputs.svg):
        with atomic(path) as temporary:
            kind = path.rsplit(".", 1)[1]
            figure.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else {})
    plt.close(figure)
    sidecar = {
        "study": spec["study"],
        "figure": spec["figure"],
        "inputs": {path: sha256_file(path) for path in data},
        "code": code,
        "command": spec["command"],
    }
    write_json(outputs.sidecar, sidecar)


def _title(experiment: dict) -> str:
    title, reading = experiment["title"], experiment["reading"]
    named = title if reading in title else f"{title} · {reading}"
    return f"{named} · {experiment['dataset']}"


def _decodes(spec: dict, data: list[str]):
    """Test images, their decoded latents, decoded random latents: first seed."""
    experiments, rows = list(spec["runs"].values()), spec["figure"]["rows"]
    figure, axes = panels(len(experiments), 7, 0.6 + 0.62 * len(rows), columns=1)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        random = f"random {LAWS[experiment['random_latents']]}"
        labels = [ROW_LABELS.get(row, random) for row in rows]
        image_grid(panel, _images(path, tuple(rows), SHOWN), labels)
        panel.set_title(_title(experiment), loc="left")
    return figure


def _compare(spec: dict, data: list[str]):
    """Test images, and below them each experiment's reconstructions: first seed."""
    experiments = spec["runs"].values()
    rows = [_images(data[0], ("test_images",), SHOWN)]
    rows += [_images(path, ("test_decodes",), SHOWN) for path in data]
    labels = [ROW_LABELS["test_images"], *map(_title, experiments)]
    figure, panel = plt.subplots(figsize=(8.5, 0.4 + 0.62 * len(rows)))
    image_grid(panel, np.concatenate(rows), labels)
    return figure


def _paths(spec: dict, data: list[str]):
    """Decoded paths between two test images of different classes: first seed, two pairs."""
    experiments, along = list(spec["runs"].values()), spec["figure"]["along"]
    figure, axes = panels(len(experiments), 6, 0.6 + 1.3 * len(along), columns=1)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        decoded = _images(path, tuple(along), SHOWN_PATHS)
        images = np.concatenate(decoded.swapaxes(0, 1))
        image_grid(panel, images, [PATH_LABELS[kind] for kind in along] * SHOWN_PATHS)
        panel.set_title(_title(experiment), loc="left")
    return figure


def _walks(spec: dict, data: list[str]):
    """Images along coordinates of one random code, a walk a row: first seed."""
    experiments, strongest = spec["runs"].values(), spec["figure"]["which"] == "strongest"
    grids = [
        _strongest_walks(path) if strongest else _named_walks(path, experiment["walks"])
        for experiment, path in zip(experiments, data, strict=True)
    ]
    rows = max(len(labels) for _, labels in grids)
    figure, axes = panels(len(grids), 7, 0.6 + 0.72 * rows, columns=1)
    for panel, experiment, (images, labels) in zip(axes, experiments, grids, strict=True):
        image_grid(panel, images, labels)
        panel.set_title(_title(experiment), loc="left")
    return figure


def _named_walks(path: str, walks: list[dict]) -> tuple[np.ndarray, list[str]]:
    grids, labels = [], []
    for number, walk in enumerate(walks):
        grids.append(_images(path, (f"walk_{number}",))[0])
        label = f"coordinate {walk['coordinate']}: {_signed(walk['low'])} … {_signed(walk['high'])}"
        across = walk["rows"]
        if across is None:
            labels.append(label)
            continue
        down = np.linspace(across["low"], across["high"], across["points"])
        labels += [f"{label}\n{across['coordinate']} at {_signed(value)}" for value in down]
    return np.concatenate(grids), labels


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _strongest_walks(path: str) -> tuple[np.ndarray, list[str]]:
    stored = read_tensors(path)
    names = [name for name in PROPERTY_LABELS if f"strongest_{name}" in stored]
    images = _images(path, tuple(f"strongest_{name}" for name in names))[:, 0]
    return images, [
        f"{PROPERTY_LABELS[name]}\ncoordinate {stored[f'coordinate_{name}'][0]}: −2 … 2"
        for name in names
    ]


def _corners(spec: dict, data: list[str]):
    """Decoded codes between those of four test images, in the corners: first seed."""
    experiments = list(spec["runs"].values())
    figure, axes = panels(len(experiments), 4.4, 4.7)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        (grid,) = _images(path, ("corners",))
        image_grid(panel, grid, [""] * len(grid))
        panel.set_title(_title(experiment), loc="left")
    return figure


def _growth(spec: dict, data: list[str]):
    """One image, then its reconstruction after each epoch kept, row by row: first seed."""
    grids = [_growth_grid(path) for path in data]
    rows = max(len(labels) for _, labels in grids)
    figure, axes = panels(len(grids), 5.2, 0.5 + 0.47 * rows, columns=2)
    for panel, run, (grid, labels) in zip(axes, spec["runs"].values(), grids, strict=True):
        image_grid(panel, grid, labels)
        panel.set_title(_title(run), loc="left")
    return figure


def _growth_grid(path: str) -> tuple[np.ndarray, list[str]]:
    """Images [R,columns,H,W], white where nothing is left to show, and a label a row."""
    stored = read_tensors(path)
    flat = np.stack([stored["image"][0], *stored["reconstructions"][0]])
    frames = _pictures(flat, read_tensor_metadata(path)["shape"])
    size = frames.shape[1:]
    blank = np.full((-len(frames) % GROWTH_COLUMNS, *size), 255, np.uint8)
    grid = np.concatenate([frames, blank]).reshape(-1, GROWTH_COLUMNS, *size)
    rows = np.split(stored["epochs"], range(GROWTH_COLUMNS - 1, len(frames) - 1, GROWTH_COLUMNS))
    labels = [f"{row[0]}–{row[-1]}" for row in rows]
    return grid, [f"image, epochs {labels[0]}", *(f"epochs {label}" for label in labels[1:])]


def _images(path: str, names: tuple[str, ...], first: int | None = None) -> np.ndarray:
    """The `first` (or all) images of the first seed, [names,…,H,W], or […,H,W,3] in colour."""
    stored = read_tensors(path)
    flat = np.stack([stored[name][0][:first] for name in names])
    return _pictures(flat, read_tensor_metadata(path)["shape"])


def _pictures(flat: np.ndarray, shape: list[int]) -> np.ndarray:
    """uint8 […,C·H·W] → […,H,W], or […,H,W,3] in colour."""
    images = flat.reshape(*flat.shape[:-1], *shape)
    return images[..., 0, :, :] if shape[0] == 1 else np.moveaxis(images, -3, -1)


def _map(spec: dict, data: list[str]):
    """A map of test codes by class or by norm: first seed."""
    method = spec["figure"]["method"]
    experiments, dot = spec["runs"], 3 if method == "codes" else 9
    figure, axes = panels(len(experiments), 4.2, 4)
    for panel, (name, experiment), path in zip(axes, experiments.items(), data, strict=True):
        points = read_table(path)
        points = points[(points.method == method) & (points.seed == points.seed.min())]
        if spec["figure"]["colour"] == "norm":
            shown = panel.scatter(
                points.x, points.y, c=points.norm, s=dot, cmap="viridis", rasterized=True
            )
            figure.colorbar(shown, ax=panel, label="norm of the code", shrink=0.7)
        else:
            for number, label in enumerate(spec["classes"][name]):
                of_class = points[points.label == number]
                panel.scatter(
                    of_class.x,
                    of_class.y,
                    s=dot,
                    color=CLASS_COLOURS[number % len(CLASS_COLOURS)],
                    marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
                    label=label,
                    rasterized=True,
                )
            panel.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, -0.12 if method == "codes" else 0),
                ncols=5,
                fontsize=7,
                markerscale=4.5 / dot**0.5,
                columnspacing=0.8,
                handletextpad=0.1,
            )
        panel.set_title(_title(experiment))
        if method == "codes":
            panel.locator_params(nbins=6)
            panel.set_xlabel("first coordinate", loc="right")
            panel.set_ylabel("second coordinate")
        else:
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    return figure


def _curves(spec: dict, data: list[str]):
    """Training loss by epoch: mean and range over seeds."""
    figure, axes = panels(len(data), 3.2, 2.4, columns=4)
    for panel, experiment, path in zip(axes, spec["runs"].values(), data, strict=True):
        history = read_table(path)
        history = history[(history.term == "loss") & (history.split == "train")]
        loss = history.groupby("epoch").value.agg(["mean", "min", "max"])
        colour = READING_STYLE[experiment["reading"]][0]
        panel.fill_between(loss.index, loss["min"], loss["max"], color=colour, alpha=0.25, lw=0)
        panel.plot(loss.index, loss["mean"], color=colour, lw=1.2)
        panel.set(yscale="log", xlabel="epoch", ylabel="training loss")
        panel.set_title(f"{experiment['title']}\n{experiment['reading']} · {experiment['dataset']}")
    return figure


def _overlay(spec: dict, data: list[str]):
    """A term of the history by epoch, one panel: mean and range over seeds."""
    wanted = spec["figure"]
    figure, panel = plt.subplots(figsize=(6.4, 4))
    for number, (run, path) in enumerate(zip(spec["runs"].values(), data, strict=True)):
        history = read_table(path)
        history = history[history.term == wanted["term"]]
        for split, line in zip(wanted["splits"], ("-", "--"), strict=False):
            values = history[history.split == split].groupby("epoch").value
            mean, colour = values.mean(), LINE_COLOURS[number % len(LINE_COLOURS)]
            panel.fill_between(
                mean.index, values.min(), values.max(), color=colour, alpha=0.2, lw=0
            )
            panel.plot(mean, line, color=colour, lw=1.4, label=f"{_title(run)} · {split}")
    scale = "linear" if wanted["term"] in SHARES else "log"
    term = TERMS[wanted["term"]]
    panel.set(yscale=scale, xlabel="epoch", ylabel=f"{term}, mean and range over seeds")
    panel.legend(fontsize=7.5)
    return figure


def _batches(spec: dict, data: list[str]):
    """A term of single batches' history: first seed, faint, and its running mean."""
    figure, panel = plt.subplots(figsize=(7.2, 4))
    term = spec["figure"]["term"]
    for number, (run, path) in enumerate(zip(spec["runs"].values(), data, strict=True)):
        history = read_table(path)
        history = history[(history.split == "batch") & (history.term == term)]
        values = history[history.seed == history.seed.min()].set_index("step").value
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        panel.plot(values, color=colour, lw=0.4, alpha=0.25, rasterized=True)
        smooth = values.rolling(max(1, len(values) // RUNNING), center=True, min_periods=1).mean()
        panel.plot(smooth, color=colour, lw=1.4, label=_title(run))
    panel.set(yscale="log", xlabel="batch", ylabel=f"{TERMS[term]} of single batches, running mean")
    panel.legend(fontsize=7.5)
    return figure


def _spoilt(spec: dict, data: list[str]):
    """Test images, spoilt ones and what becomes of them: first seed."""
    wanted = spec["figure"]
    pairs = [
        (run, path, corruption)
        for run, path in zip(spec["runs"].values(), data, strict=True)
        for corruption in wanted["corruptions"]
    ]
    figure, axes = panels(len(pairs), 7, 0.6 + 0.62 * len(wanted["rows"]), columns=1)
    for panel, (run, path, corruption) in zip(axes, pairs, strict=True):
        names = {
            "clean": "spoilt_clean",
            "spoilt": f"spoilt_{corruption}",
            "decodes": f"spoilt_{corruption}_decodes",
        }
        images = _images(path, tuple(names[row] for row in wanted["rows"]), SHOWN)
        image_grid(panel, images, [SPOILT_LABELS[row] for row in wanted["rows"]])
        panel.set_title(f"{_title(run)} · {_severity_label(corruption)}", loc="left")
    return figure


def _severity_label(corruption: str) -> str:
    kind, severity = CORRUPTIONS[corruption]
    return f"{KIND_LABELS[kind]}, {'λ = ' if kind in NOISES else 'share '}{severity:g}"


def _severity(spec: dict, data: list[str]):
    """A metric by severity, mean and range over seeds; published values dotted."""
    wanted = spec["figure"]
    figure, axes = panels(len(SEVERITIES), 3.2, 2.6)
    for number, (run, path) in enumerate(zip(spec["runs"].values(), data, strict=True)):
        metrics = read_table(path)
        metrics = metrics[metrics.metric.str.startswith(f"{wanted['metric']}/")]
        by_name = metrics.groupby(metrics.metric.str.partition("/")[2]).value
        mean, low, high = by_name.mean(), by_name.min(), by_name.max()
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        marker = CLASS_MARKERS[number % len(CLASS_MARKERS)]
        for panel, (kind, severities) in zip(axes, SEVERITIES.items(), strict=True):
            names = [CLEAN, *(f"{kind}-{severity:g}" for severity in severities)]
            x = (0, *severities)
            panel.fill_between(x, low[names], high[names], color=colour, alpha=0.2, lw=0)
            panel.plot(x, mean[names], color=colour, marker=marker, ms=4, label=_title(run))
    for panel, kind in zip(axes, SEVERITIES, strict=True):
        if published := wanted["published"].get(kind):
            panel.axhline(float(published), color="black", ls=":", lw=1)
            panel.annotate(
                f"published {published}",
                (0.02, float(published)),
                xycoords=("axes fraction", "data"),
                va="bottom",
                fontsize=7.5,
            )
        panel.set(xlabel="λ" if kind in NOISES else "share of the pixels", ylim=(0, None))
        panel.set_ylabel(SPOILT_METRICS[wanted["metric"]])
        panel.set_title(KIND_LABELS[kind])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", fontsize=7.5)
    return figure


def _sweep(spec: dict, data: list[str]):
    """Validation loss by the values swept, mean and range over seeds; the lowest mean marked."""
    figure, panel = plt.subplots(figsize=(6.4, 4))
    for number, (run, path) in enumerate(zip(spec["runs"].values(), data, strict=True)):
        ((key, values),) = run["grid"].items()
        of_value = _sweep_losses(path)
        mean = of_value.mean()[[f"{value:g}" for value in values]]
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        panel.fill_between(
            values,
            of_value.min()[mean.index],
            of_value.max()[mean.index],
            color=colour,
            alpha=0.2,
            lw=0,
        )
        best = values[int(mean.argmin())]
        panel.plot(
            values,
            mean,
            color=colour,
            marker=CLASS_MARKERS[number],
            ms=4,
            label=f"{_title(run)}, lowest at {best:g}",
        )
        panel.plot(best, mean.min(), marker="o", ms=11, mfc="none", mec=colour)
    panel.set(xscale="log", xlabel=key, ylabel="validation loss, mean and range over seeds")
    panel.set_xticks(values, [f"{value:g}" for value in values])
    panel.minorticks_off()
    panel.legend(fontsize=7.5)
    return figure


def _sweep_losses(path: str):
    """Losses grouped by the name of the point."""
    metrics = read_table(path)
    metrics = metrics[metrics.metric.str.startswith("sweep_loss/")]
    return metrics.groupby(metrics.metric.str.partition("/")[2]).value


def _grid(spec: dict, data: list[str]):
    """Validation loss by two keys, mean over seeds; the lowest framed."""
    figure, axes = panels(len(data), 4.6, 3.2)
    for panel, run, path in zip(axes, spec["runs"].values(), data, strict=True):
        mean = _sweep_losses(path).mean()
        (down, rows), (across, columns) = run["grid"].items()
        losses = np.array([[mean[f"{row:g}+{column:g}"] for column in columns] for row in rows])
        panel.imshow(np.log(losses), cmap="viridis_r", aspect="auto")
        middle = np.log(losses).mean()
        for (r, c), loss in np.ndenumerate(losses):
            colour = "white" if np.log(loss) > middle else "black"
            panel.text(c, r, f"{loss:.4g}", ha="center", va="center", color=colour)
        best = np.unravel_index(losses.argmin(), losses.shape)
        panel.add_patch(
            plt.Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, ec="#D62728", lw=2)
        )
        panel.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
        panel.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
        panel.set(xlabel=across, ylabel=down)
        panel.set_title(f"{_title(run)}, validation loss")
        panel.spines[:].set_visible(False)
    return figure


def _confusion(spec: dict, data: list[str]):
    """Shares of each class's test images by the class they are taken for, over all seeds."""
    figure, axes = panels(len(data), 4.6, 4.4)
    for panel, (name, run), path in zip(axes, spec["runs"].items(), data, strict=True):
        classes, stored = spec["classes"][name], read_tensors(path)
        counts = np.zeros((len(classes), len(classes)))
        np.add.at(counts, (stored["test_labels"].ravel(), stored["test"].ravel()), 1)
        percent = 100 * counts / counts.sum(1, keepdims=True)
        panel.imshow(percent, cmap="Blues", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(percent):
            if round(value) >= 1:
                style = {"color": "white" if value > 50 else "black", "fontsize": 7}
                panel.text(column, row, f"{value:.0f}", ha="center", va="center", **style)
        panel.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
        panel.set_yticks(range(len(classes)), classes, fontsize=7)
        panel.set(xlabel="taken for", ylabel="class", title=f"{_title(run)}, %")
        panel.spines[:].set_visible(False)
    return figure


def _trials(spec: dict, data: list[str]):
    """Validation value of each trial; pruned ones hollow, the best in red."""
    figure, axes = panels(len(data), 4.2, 3)
    for panel, run, path in zip(axes, spec["runs"].values(), data, strict=True):
        trials = read_table(path)
        for state, face in (("complete", "#0072B2"), ("pruned", "none")):
            some = trials[(trials.state == state) & ~trials.best]
            panel.scatter(
                some.trial + 1, some.value, facecolors=face, edgecolors="#0072B2", label=state
            )
        best = trials[trials.best]
        panel.scatter(best.trial + 1, best.value, color="#D62728", marker="D", label="best")
        panel.set(xlabel="trial", ylabel=trials.measures[0])
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_title(f"{run['title']} · {run['dataset']}")
        panel.legend(fontsize=7.5)
    return figure


def _search(spec: dict, data: list[str]):
    """Training loss over the KL weight, one panel a length of training."""
    by_epochs: dict[int, list[tuple[float, float, float]]] = {}
    for experiment, path in zip(spec["runs"].values(), data, strict=True):
        metrics = read_table(path)
        mean = metrics[metrics.split == "train"].groupby("metric").value.mean()
        weight = experiment["training"]["objective"]["kl_weight"]
        by_epochs.setdefault(experiment["training"]["epochs"], []).append(
            (weight, mean["total_loss"], mean["reconstruction_mse_sampled"])
        )
    distance: dict[float, float] = {}
    figure, axes = panels(len(by_epochs), 4.2, 3)
    for panel, (epochs, points) in zip(axes, sorted(by_epochs.items()), strict=True):
        weight, total, reconstruction = zip(*sorted(points), strict=True)
        panel.plot(weight, total, "o-", color="#0072B2", label="total")
        panel.plot(weight, reconstruction, "s--", color="#D55E00", label="reconstruction")
        published = spec["figure"]["published"].get(epochs)
        if published:
            panel.axhline(float(published), color="black", ls=":", label=f"published {published}")
            for w, t in zip(weight, total, strict=True):
                distance[w] = distance.get(w, 0) + abs(np.log(t / float(published)))
        panel.set(xscale="log", yscale="log", xlabel="KL weight", ylabel="training loss")
        panel.set_title(f"{epochs} epochs")
        panel.legend()
    if distance:
        best = min(distance, key=distance.get)
        figure.suptitle(f"nearest to the published total losses: KL weight {best:g}")
    return figure


def _numbers(spec: dict, data: list[str]):
    """Measured over published for every number that was measured, with 95 % intervals; seconds,
    which are their machine's, are left out."""
    claims = read_table(data[0])
    rows = claims[(claims.kind == "number") & claims["mean"].notna()]
    rows = rows[rows.metric != "train_seconds"]
    rows = rows[rows.tolerance.notna()].reset_index(drop=True)
    figure, panel = plt.subplots(figsize=(8.5, 1.2 + 0.17 * len(rows)))
    position = -np.arange(len(rows))
    published = rows.published.astype(float)
    for reading, (colour, marker) in READING_STYLE.items():
        chosen = (rows.reading == reading).to_numpy()
        if not chosen.any():
            continue
        ratio = (rows["mean"] / published)[chosen]
        errors = np.nan_to_num(
            np.stack(
                [
                    ((rows["mean"] - rows.low) / published)[chosen],
                    ((rows.high - rows["mean"]) / published)[chosen],
                ]
            )
        )
        panel.errorbar(
            ratio, position[chosen], xerr=errors, fmt=marker, color=colour, ms=4, label=reading
        )
    relative = rows.tolerance / published
    panel.barh(
        position, 2 * relative, left=1 - relative, height=1.0, color="#000000", alpha=0.10, lw=0
    )
    panel.axvline(1, color="black", lw=0.8)
    names = rows.claim + " · " + rows.experiment + " · " + rows.metric
    panel.set_yticks(position, names, fontsize=6.5)
    panel.set_ylim(position.min() - 0.8, 0.8)
    panel.set(xscale="log", xlabel="measured / published (grey: tolerance)")
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5)
    return figure


KINDS: dict[str, Callable] = {
    "spoilt": _spoilt,
    "severity": _severity,
    "sweep": _sweep,
    "grid": _grid,
    "decodes": _decodes,
    "compare": _compare,
    "paths": _paths,
    "corners": _corners,
    "walks": _walks,
    "growth": _growth,
    "map": _map,
    "curves": _curves,
    "overlay": _overlay,
    "batches": _batches,
    "confusion": _confusion,
    "trials": _trials,
    "search": _search,
    "numbers": _numbers,
    "rate": draw_rate,
}
