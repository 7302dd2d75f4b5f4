"""One look for every figure: class colours, reading colours, grids of crisp images."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# Paul Tol's muted scheme and black: ten classes that colour-blind readers can tell apart.
CLASS_COLOURS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#000000",
)
CLASS_MARKERS = "osD^vP*X<>"
# Okabe and Ito (2008).
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
READING_STYLE = {
    "as written": ("#0072B2", "o"),
    "as coded": ("#D55E00", "s"),
    "title": ("#009E73", "^"),
    "summed loss": ("#882255", "h"),
    "split first": ("#882255", "p"),
    "clean target": ("#332288", "<"),
    "tuned here": ("#E69F00", "P"),
    "control": ("#56B4E9", "X"),
    "sensitivity": ("#7F7F7F", "D"),
    "search": ("#CC79A7", "v"),
}
plt.rcParams.update(
    {
        "figure.constrained_layout.use": True,
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "savefig.dpi": 130,
        "svg.hashsalt": "latent-atlas",
        "svg.fonttype": "path",
    }
)


def panels(count: int, width: float, height: float, columns: int = 3) -> tuple[Figure, list]:
    """A figure and `count` axes, at most `columns` in a row, each width × height inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False
    )
    flat = list(axes.flat)
    for unused in flat[count:]:
        unused.remove()
    return figure, flat[:count]


def image_grid(axes, images: np.ndarray, row_labels: list[str]) -> None:
    """uint8 images [R,C,H,W], or [R,C,H,W,3] in colour, as one crisp grid with a label before each
    row."""
    rows, columns, height, width, *colours = images.shape
    gap = 2
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    canvas = np.full((*size, *colours), 255, np.uint8)
    for r in range(rows):
        for c in range(columns):
            top, left = r * (height + gap), c * (width + gap)
            canvas[top : top + height, left : left + width] = images[r, c]
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_yticks([r * (height + gap) + height / 2 for r in range(rows)], row_labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
