"""How seconds and memory of training grow with seeds, images, latent size and image size."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import LogLocator, MaxNLocator
from scipy import stats
from tqdm import tqdm

from benchmarks.cases import CASES, published
from benchmarks.contest import CORES
from latent_atlas.figures.style import CLASS_MARKERS, LINE_COLOURS, panels
from latent_atlas.memory import peak_mib
from latent_atlas.processor import prepare_torch
from latent_atlas.training.loop import SeedImages, train

MEASURES = {"seconds": "seconds an epoch", "peak_mib": "peak memory of the process, MiB"}
NAMES = {
    "seeds": "seeds in one stack",
    "images": "training images",
    "latent": "latent size",
    "size": "image side, pixels",
}


@dataclass(frozen=True)
class Point:
    """One training of `epochs` epochs, square images of `size` pixels a side."""

    model: str
    experiment: str
    epochs: int
    batch: int
    seeds: int = 1
    images: int = 1000
    latent: int = 64
    size: int = 28


@dataclass(frozen=True)
class Axis:
    """`values` of one field of `base`; the others stay."""

    name: str
    base: Point
    values: tuple[int, ...]

    def points(self) -> list[Point]:
        return [replace(self.base, **{self.name: value}) for value in self.values]


TABLE = Point("auto-decoder", CASES["auto-decoder"].experiment, 5, CASES["auto-decoder"].batch)
ENCODER = Point("MLP VAE", CASES["vae"].experiment, 1, CASES["vae"].batch, images=6000)
CONVOLUTIONS = Point("convolutional autoencoder", "cae-mnist", 1, 128, latent=32)
SEEDS, IMAGES, LATENTS = (1, 2, 4, 8, 16, 32), (1000, 4000, 15000, 60000), (2, 8, 32, 128, 512)
AXES = (
    Axis("seeds", TABLE, SEEDS),
    Axis("seeds", ENCODER, SEEDS),
    Axis("images", replace(TABLE, epochs=1), IMAGES),
    Axis("images", ENCODER, IMAGES),
    Axis("latent", TABLE, LATENTS),
    Axis("latent", ENCODER, LATENTS),
    Axis("size", CONVOLUTIONS, (28, 36, 48, 64)),
)


def measured() -> pd.DataFrame:
    """One row a point, each in a process of its own: seconds an epoch and the process's peak
    memory."""
    asked = [(axis, point) for axis in AXES for point in axis.points()]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned, max_tasks_per_child=1) as process:
        found = tqdm(process.map(trained, [p for _, p in asked]), "growth", len(asked))
        rows = [
            {
                "axis": axis.name,
                "model": point.model,
                "value": getattr(point, axis.name),
                "seconds": seconds,
                "peak_mib": peak,
            }
            for (axis, point), (seconds, peak) in zip(asked, found, strict=True)
        ]
    return pd.DataFrame(rows)


def trained(point: Point) -> tuple[float, float]:
    """Seconds an epoch, the start left out, and MiB."""
    prepare_torch(CORES)
    found = published().experiments[point.experiment]
    training = found.training.model_copy(update={"epochs": point.epochs, "batch_size": point.batch})
    model = found.model.model_copy(update={"latent": point.latent})
    experiment = found.model_copy(update={"training": training, "model": model}, deep=True)
    generator = torch.Generator().manual_seed(0)
    shape = (1, point.images, point.size**2)
    pixels = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    images = SeedImages(pixels, (1, point.size, point.size))
    seeds = list(range(point.seeds))
    train(experiment, seeds, images, max_steps=3)
    return train(experiment, seeds, images).seconds / point.epochs, peak_mib()


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """One row an axis, model and measure: the slope of a line through the logarithms, and its 95 %
    interval. Below 1 where a fixed part weighs."""
    rows = []
    for (axis, model), of_axis in table.groupby(["axis", "model"], sort=False):
        for measure, title in MEASURES.items():
            line = stats.linregress(np.log(of_axis.value), np.log(of_axis[measure]))
            half = stats.t.ppf(0.975, len(of_axis) - 2) * line.stderr
            rows.append(
                {
                    "axis": axis,
                    "model": model,
                    "measure": title,
                    "exponent": line.slope,
                    "low": line.slope - half,
                    "high": line.slope + half,
                }
            )
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame) -> plt.Figure:
    """One column an axis, one row a measure; both scales logarithmic, exponents in the legend."""
    axes = list(dict.fromkeys(table.axis))
    fitted = exponents(table).set_index(["axis", "model", "measure"]).exponent
    figure, flat = panels(len(MEASURES) * len(axes), 3, 3.2, columns=len(axes))
    places = [(measure, axis) for measure in MEASURES for axis in axes]
    models = list(dict.fromkeys(table.model))
    for panel, (measure, axis) in zip(flat, places, strict=True):
        for model, of_model in table[table.axis == axis].groupby("model", sort=False):
            number = models.index(model)
            exponent = fitted[axis, model, MEASURES[measure]]
            panel.loglog(
                of_model.value,
                of_model[measure],
                color=LINE_COLOURS[number],
                marker=CLASS_MARKERS[number],
                label=f"{model}: power {exponent:.2f}",
            )
        values = sorted(set(table[table.axis == axis].value))
        panel.set_xticks(values, [f"{value:,}" for value in values], rotation=45)
        panel.minorticks_off()
        low, high = panel.get_ylim()
        panel.yaxis.set_major_locator(
            LogLocator(subs=(1, 2, 5)) if high > 10 * low else MaxNLocator(5)
        )
        panel.yaxis.set_major_formatter("{x:g}")
        panel.set(xlabel=NAMES[axis], ylabel=MEASURES[measure])
        panel.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 1))
    return figure
