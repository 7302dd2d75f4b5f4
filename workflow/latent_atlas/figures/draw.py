"""A figure's declaration and data → PNG, SVG and the sidecar that says how it came about."""

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from latent_atlas.figures import charts, curves, grids
from latent_atlas.figures.rate import draw_rate
from latent_atlas.files import atomic, sha256_file, write_json

LONG_NUMBER = re.compile(r"\b([1-9]\d*\.\d\d)\d+\b")
KINDS: dict[str, Callable] = {
    "spoilt": grids.draw_spoilt,
    "severity": curves.draw_severity,
    "sweep": curves.draw_sweep,
    "grid": curves.draw_grid,
    "decodes": grids.draw_decodes,
    "compare": grids.draw_compare,
    "paths": grids.draw_paths,
    "corners": grids.draw_corners,
    "walks": grids.draw_walks,
    "growth": grids.draw_growth,
    "map": charts.draw_map,
    "curves": curves.draw_curves,
    "overlay": curves.draw_overlay,
    "batches": curves.draw_batches,
    "confusion": charts.draw_confusion,
    "trials": charts.draw_trials,
    "search": curves.draw_search,
    "numbers": charts.draw_numbers,
    "rate": draw_rate,
}


def draw_figure(spec: dict, data: list[str], output: Mapping[str, str], code: str) -> None:
    """Draw `spec` (`config.specs.figure_spec`) from the files `data`, one an experiment or one for
    all; write the files `png`, `svg` and `sidecar` of `output`. Drawn twice: the layout makes room
    for labels beside images only once it has seen these."""
    figure = KINDS[spec["figure"]["kind"]](spec, data)
    figure.draw_without_rendering()
    with atomic(output["png"]) as temporary:
        _save_small(figure, temporary)
    with atomic(output["svg"]) as temporary:
        _save_rounded(figure, temporary)
    plt.close(figure)
    sidecar = {
        "study": spec["study"],
        "figure": spec["figure"],
        "shows": _titles(figure),
        "inputs": {path: sha256_file(path) for path in data},
        "code": code,
        "command": spec["command"],
    }
    write_json(output["sidecar"], sidecar)


def _titles(figure: Figure) -> list[str]:
    """What the figure's titles say, for those who cannot see it."""
    panels = [panel.get_title(loc=place) for panel in figure.axes for place in ("left", "center")]
    return [title.replace("\n", ": ") for title in (figure.get_suptitle(), *panels) if title]


def _save_rounded(figure: Figure, path: Path) -> None:
    """As SVG with coordinates to a hundredth of a point, a third smaller."""
    whole = io.StringIO()
    figure.savefig(whole, format="svg", metadata={"Date": None})
    path.write_text(LONG_NUMBER.sub(r"\1", whole.getvalue()), encoding="utf-8")


def _save_small(figure: Figure, path: Path) -> None:
    """As PNG with 256 colours, half the size of one with all."""
    whole = io.BytesIO()
    figure.savefig(whole, format="png")
    image = Image.open(whole).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
