"""Maps, confusion matrices, trials, and published numbers beside measured ones."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from latent_atlas.figures import findings
from latent_atlas.figures.labels import run_title
from latent_atlas.figures.style import CLASS_COLOURS, CLASS_MARKERS, READING_STYLE, panels
from latent_atlas.files import read_table, read_tensors


def draw_map(spec: dict, data: list[str]):
    """A map of test codes by class or by norm: first seed."""
    method = spec["figure"]["method"]
    experiments, dot = spec["runs"], 3 if method == "codes" else 9
    figure, axes = panels(len(experiments), 4.2, 4)
    for panel, (name, experiment), path in zip(axes, experiments.items(), data, strict=True):
        points = read_table(path)
        points = points[(points.method == method) & (points.seed == points.seed.min())]
        places = points[["x", "y"]].to_numpy()
        if spec["figure"]["colour"] == "norm":
            found = findings.outwards(places, points.norm.to_numpy())
            shown = panel.scatter(
                points.x, points.y, c=points.norm, s=dot, cmap="viridis", rasterized=True
            )
            figure.colorbar(shown, ax=panel, label="norm of the code", shrink=0.7)
        else:
            found = findings.neighbours(places, points.label.to_numpy())
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
        panel.set_title(f"{run_title(experiment)}\n{found}")
        if method == "codes":
            panel.locator_params(nbins=6)
            panel.set_xlabel("first coordinate", loc="right")
            panel.set_ylabel("second coordinate")
        else:
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    return figure


def draw_confusion(spec: dict, data: list[str]):
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
        wrong = np.where(np.eye(len(classes)), 0, percent)
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        found = f"{wrong.max():.0f} % of {classes[row]} are taken for {classes[column]}"
        panel.set(xlabel="taken for, %", ylabel="class", title=f"{run_title(run)}\n{found}")
        panel.spines[:].set_visible(False)
    return figure


def draw_trials(spec: dict, data: list[str]):
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
        value, trial = best.value.iloc[0], best.trial.iloc[0] + 1
        found = f"best {value:.4g}, in trial {trial} of {len(trials)}"
        panel.set_title(f"{run['title']} · {run['dataset']}\n{found}")
        panel.legend(fontsize=7.5)
    return figure


def draw_numbers(spec: dict, data: list[str]):
    """Measured over published for every number of the study that was measured, with 95 %
    intervals; seconds, which are their machine's, are left out."""
    claims = read_table(data[0])
    claims = claims[claims.study == spec["study"]]
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
    within = int(((rows["mean"] - published).abs() <= rows.tolerance).sum())
    figure.suptitle(f"{within} of {len(rows)} measured means lie within the tolerance")
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5)
    return figure
