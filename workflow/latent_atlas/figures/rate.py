"""Rate and distortion: what a code costs in nats, and what is lost."""

from matplotlib.axes import Axes

from latent_atlas.figures.style import CLASS_MARKERS, LINE_COLOURS, panels
from latent_atlas.files import read_table


def draw_rate(spec: dict, data: list[str]):
    """One panel a data set: where there is a posterior, its KL against the error of sampled codes,
    mean and range over seeds; where a code is a point, its error alone, at no stated rate."""
    found = {name: read_table(path) for name, path in zip(spec["runs"], data, strict=True)}
    datasets = list(dict.fromkeys(run["dataset"] for run in spec["runs"].values()))
    figure, axes = panels(len(datasets), 5.2, 4.2, columns=2)
    for panel, dataset in zip(axes, datasets, strict=True):
        of_set = {n: run for n, run in spec["runs"].items() if run["dataset"] == dataset}
        for number, (name, run) in enumerate(of_set.items()):
            _mark(panel, run["title"], _values(found[name]), number)
        panel.set(
            title=dataset,
            xlabel="rate: KL of the posterior, nats an image",
            ylabel="distortion: MSE, squared grey level",
        )
        panel.set_ylim(bottom=0)
        panel.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _values(metrics):
    """Metric → values over seeds, on test images."""
    return metrics[metrics.split == "test"].groupby("metric").value


def _mark(panel: Axes, title: str, values, number: int) -> None:
    colour = LINE_COLOURS[number % len(LINE_COLOURS)]
    if "kl_nats" not in values.groups:
        error = values.get_group("reconstruction_mse").mean()
        style = ("--", "-.")[number // len(LINE_COLOURS) % 2]
        panel.axhline(error, color=colour, ls=style, lw=1.2, label=f"{title}, no rate")
        return
    rate, error = (values.get_group(m) for m in ("kl_nats", "reconstruction_mse_sampled"))
    spread = [[[v.mean() - v.min()], [v.max() - v.mean()]] for v in (rate, error)]
    panel.errorbar(
        rate.mean(),
        error.mean(),
        xerr=spread[0],
        yerr=spread[1],
        color=colour,
        marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
        ls="none",
        label=title,
    )
