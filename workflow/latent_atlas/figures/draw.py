"""A figure's declaration and data → PNG, SVG and the sidecar that says how it came about."""

import json
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np

from latent_atlas.figures.style import (
    CLASS_COLOURS,
    CLASS_MARKERS,
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
)


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
    with atomic(outputs.sidecar) as temporary:
        temporary.write_text(json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n")


def _title(experiment: dict) -> str:
    title, reading = experiment["title"], experiment["reading"]
    named = title if reading in title else f"{title} · {reading}"
    return f"{named} · {experiment['dataset']}"


def _decodes(spec: dict, data: list[str]):
    """Test images, their decoded latents and decoded random latents, first seed."""
    experiments = list(spec["experiments"].values())
    figure, axes = panels(len(experiments), 7, 2.4, columns=1)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        rows = ("test_images", "test_decodes", "random_decodes")
        law = {"normal": "N(0, I)", "uniform": "U(0, 1)"}[experiment["random_latents"]]
        images = _images(path, rows)
        image_grid(panel, images, ["test image", "decoded", f"random {law}"])
        panel.set_title(_title(experiment), loc="left")
    return figure


def _paths(spec: dict, data: list[str]):
    """Decoded paths between two test images of different classes, first seed, two pairs."""
    experiments = list(spec["experiments"].values())
    figure, axes = panels(len(experiments), 6, 3.2, columns=1)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        slerp, straight = _images(path, ("slerp", "linear"))
        images = np.stack([slerp[0], straight[0], slerp[1], straight[1]])
        image_grid(panel, images, ["slerp", "straight"] * 2)
        panel.set_title(_title(experiment), loc="left")
    return figure


def _images(path: str, names: tuple[str, ...]) -> np.ndarray:
    """Images of the first seed, [names,…,H,W]; colour images are shown by their mean."""
    channels, height, width = read_tensor_metadata(path)["shape"]
    stored = read_tensors(path)
    chosen = np.stack([stored[name][0] for name in names])
    shaped = chosen.reshape(*chosen.shape[:-1], channels, height, width)
    return shaped.mean(-3).astype(np.uint8)


def _map(spec: dict, data: list[str]):
    """t-SNE of test codes, first seed, by class or by norm."""
    experiments = spec["experiments"]
    figure, axes = panels(len(experiments), 4.2, 4)
    for panel, (name, experiment), path in zip(axes, experiments.items(), data, strict=True):
        points = read_table(path)
        points = points[(points.method == "tsne") & (points.seed == points.seed.min())]
        if spec["figure"]["colour"] == "norm":
            shown = panel.scatter(
                points.x, points.y, c=points.norm, s=9, cmap="viridis", rasterized=True
            )
            figure.colorbar(shown, ax=panel, label="norm of the code", shrink=0.7)
        else:
            for number, label in enumerate(spec["classes"][name]):
                of_class = points[points.label == number]
                panel.scatter(
                    of_class.x,
                    of_class.y,
                    s=9,
                    color=CLASS_COLOURS[number % len(CLASS_COLOURS)],
                    marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
                    label=label,
                    rasterized=True,
                )
            panel.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, 0),
                ncols=5,
                fontsize=7,
                markerscale=1.5,
                columnspacing=0.8,
                handletextpad=0.1,
            )
        panel.set(xticks=[], yticks=[], title=_title(experiment))
        panel.spines[:].set_visible(False)
    return figure


def _curves(spec: dict, data: list[str]):
    """Training loss by epoch: mean and range over seeds."""
    figure, axes = panels(len(data), 3.2, 2.4, columns=4)
    for panel, experiment, path in zip(axes, spec["experiments"].values(), data, strict=True):
        history = read_table(path)
        loss = history[history.term == "loss"].groupby("epoch").value.agg(["mean", "min", "max"])
        colour = READING_STYLE[experiment["reading"]][0]
        panel.fill_between(loss.index, loss["min"], loss["max"], color=colour, alpha=0.25, lw=0)
        panel.plot(loss.index, loss["mean"], color=colour, lw=1.2)
        panel.set(yscale="log", xlabel="epoch", ylabel="training loss")
        panel.set_title(f"{experiment['title']}\n{experiment['reading']} · {experiment['dataset']}")
    return figure


def _search(spec: dict, data: list[str]):
    """Training loss over the KL weight, one panel a length of training."""
    by_epochs: dict[int, list[tuple[float, float, float]]] = {}
    for experiment, path in zip(spec["experiments"].values(), data, strict=True):
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
    """Measured over published for every number that was measured, with 95 % intervals."""
    claims = read_table(data[0])
    rows = claims[(claims.kind == "number") & claims["mean"].notna()]
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
    "decodes": _decodes,
    "paths": _paths,
    "map": _map,
    "curves": _curves,
    "search": _search,
    "numbers": _numbers,
}
