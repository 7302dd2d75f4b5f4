"""Figures of losses and errors: over epochs, batches, severities, swept values."""

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from latent_atlas.config.corruptions import CLEAN, SEVERITIES
from latent_atlas.figures import findings
from latent_atlas.figures.labels import KIND_LABELS, NOISES, SHARES, TERMS, run_title
from latent_atlas.figures.style import CLASS_MARKERS, LINE_COLOURS, READING_STYLE, panels
from latent_atlas.files import read_table

SPOILT_METRICS = {
    "corrupted_mse": "MSE to the clean image",
    "corrupted_agreement": "taken for their class",
    "code_shift": "shift of the code",
}
RUNNING = 50
MOST_POINTS = 500


def draw_curves(spec: dict, data: list[str]):
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
        last = findings.spread(history[history.epoch == history.epoch.max()].value)
        panel.set_title(f"{run_title(experiment)}\n{last} in the end")
    return figure


def draw_overlay(spec: dict, data: list[str]):
    """A term of the history by epoch, one panel: mean and range over seeds."""
    wanted, ends = spec["figure"], {}
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
            panel.plot(mean, line, color=colour, lw=1.4, label=f"{run_title(run)} · {split}")
        ends[run_title(run)] = mean.iloc[-1]
    scale = "linear" if wanted["term"] in SHARES else "log"
    term = TERMS[wanted["term"]]
    panel.set(yscale=scale, xlabel="epoch", ylabel=f"{term}, mean and range over seeds")
    if wanted["term"] in SHARES:
        panel.set_title(f"{term} in the end: " + ", ".join(f"{end:.2f}" for end in ends.values()))
    else:
        panel.set_title(findings.lowest(ends, f"{term} in the end"), wrap=True)
    panel.legend(fontsize=7.5)
    return figure


def draw_batches(spec: dict, data: list[str]):
    """A term of single batches' history: first seed, faint, and its running mean."""
    figure, panel = plt.subplots(figsize=(7.2, 4))
    term, ends = spec["figure"]["term"], {}
    for number, (run, path) in enumerate(zip(spec["runs"].values(), data, strict=True)):
        history = read_table(path)
        history = history[(history.split == "batch") & (history.term == term)]
        values = history[history.seed == history.seed.min()].set_index("step").value
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        panel.plot(values, color=colour, lw=0.4, alpha=0.25, rasterized=True)
        smooth = values.rolling(max(1, len(values) // RUNNING), center=True, min_periods=1).mean()
        thinned = smooth.iloc[:: max(1, len(smooth) // MOST_POINTS)]
        panel.plot(thinned, color=colour, lw=1.4, label=run_title(run))
        ends[run_title(run)] = smooth.iloc[-1]
    panel.set(yscale="log", xlabel="batch", ylabel=f"{TERMS[term]} of single batches, running mean")
    panel.set_title(findings.lowest(ends, f"{TERMS[term]} in the end"), wrap=True)
    panel.legend(fontsize=7.5)
    return figure


def draw_severity(spec: dict, data: list[str]):
    """A metric by severity, mean and range over seeds; published values dotted."""
    wanted = spec["figure"]
    worst: dict[str, dict[str, float]] = {kind: {} for kind in SEVERITIES}
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
            panel.plot(x, mean[names], color=colour, marker=marker, ms=4, label=run_title(run))
            worst[kind][run["title"]] = mean[names[-1]]
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
        best = (max if wanted["metric"] == "corrupted_agreement" else min)(
            worst[kind], key=worst[kind].get
        )
        panel.set_title(f"{KIND_LABELS[kind]}\nbest at the worst: {best}, {worst[kind][best]:.2g}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", fontsize=7.5)
    return figure


def draw_sweep(spec: dict, data: list[str]):
    """Validation loss by the values swept, mean and range over seeds; the lowest mean marked."""
    figure, panel = plt.subplots(figsize=(6.4, 4))
    found = {}
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
            label=run_title(run),
        )
        found[run["title"]] = best
        panel.plot(best, mean.min(), marker="o", ms=11, mfc="none", mec=colour)
    panel.set(xscale="log", xlabel=_words(key))
    panel.set_ylabel("validation loss, mean and range over seeds")
    panel.set_xticks(values, [f"{value:g}" for value in values])
    panel.minorticks_off()
    panel.set_title("\n".join(f"{title}: lowest at {best:g}" for title, best in found.items()))
    panel.legend(fontsize=7.5)
    return figure


def _words(key: str) -> str:
    """Of a key of an experiment: "training.learning_rate" as "learning rate"."""
    return key.rpartition(".")[2].replace("_", " ")


def _sweep_losses(path: str):
    """Losses grouped by the name of the point."""
    metrics = read_table(path)
    metrics = metrics[metrics.metric.str.startswith("sweep_loss/")]
    return metrics.groupby(metrics.metric.str.partition("/")[2]).value


def draw_grid(spec: dict, data: list[str]):
    """Validation loss by two keys, mean over seeds, coloured by rank; the lowest framed."""
    figure, axes = panels(len(data), 4.6, 3.2)
    for panel, run, path in zip(axes, spec["runs"].values(), data, strict=True):
        of_value = _sweep_losses(path)
        mean, living, seeds = of_value.mean(), of_value.count(), of_value.size()
        (down, rows), (across, columns) = run["grid"].items()
        names = np.array([[f"{row:g}+{column:g}" for column in columns] for row in rows])
        losses = mean[names.ravel()].to_numpy().reshape(names.shape)
        ranks = stats.rankdata(losses, nan_policy="omit").reshape(losses.shape)
        panel.imshow(ranks, cmap="viridis_r", aspect="auto")
        for (r, c), loss in np.ndenumerate(losses):
            colour = "white" if ranks[r, c] > ranks.size / 2 else "black"
            name = names[r, c]
            text = f"{loss:.4g}" if living[name] else "diverged"
            if 0 < living[name] < seeds[name]:
                text += f"\n{living[name]} of {seeds[name]} seeds"
            panel.text(c, r, text, ha="center", va="center", color=colour)
        best = np.unravel_index(np.nanargmin(losses), losses.shape)
        panel.add_patch(
            plt.Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, ec="#D62728", lw=2)
        )
        panel.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
        panel.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
        across, down = _words(across), _words(down)
        panel.set(xlabel=across, ylabel=down)
        found = f"lowest at {down} {rows[best[0]]:g}, {across} {columns[best[1]]:g}"
        panel.set_title(f"{run_title(run)}, validation loss\n{found}")
        panel.spines[:].set_visible(False)
    return figure


def draw_search(spec: dict, data: list[str]):
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
