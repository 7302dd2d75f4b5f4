"""Figures of images: decoded codes, paths, walks, spoilt ones."""

import matplotlib.pyplot as plt
import numpy as np

from latent_atlas.figures import findings
from latent_atlas.figures.labels import run_title, severity_label
from latent_atlas.figures.style import image_grid, panels
from latent_atlas.files import read_tensor_metadata, read_tensors

ROW_LABELS = {
    "test_images": "test image",
    "test_decodes": "decoded",
    "fitted_decodes": "random, fitted",
    "mixture_decodes": "random, mixture",
}
LAWS = {"normal": "N(0, I)", "uniform": "U(0, 1)", "range": "U(range)"}
PATH_LABELS = {"slerp": "slerp", "linear": "straight", "random_linear": "random, straight"}
PROPERTY_LABELS = {"ink_area": "ink area", "width": "width", "mean_colour": "mean colour"}
SPOILT_LABELS = {"clean": "test image", "spoilt": "spoilt", "decodes": "decoded"}
GROWTH_COLUMNS = 9
SHOWN = 10
SHOWN_PATHS = 2


def draw_decodes(spec: dict, data: list[str]):
    """Test images, their decoded latents, decoded random latents: first seed."""
    experiments, rows = list(spec["runs"].values()), spec["figure"]["rows"]
    figure, axes = panels(len(experiments), 7, 0.6 + 0.62 * len(rows), columns=1)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        random = f"random {LAWS[experiment['random_latents']]}"
        labels = [ROW_LABELS.get(row, random) for row in rows]
        image_grid(panel, _images(path, tuple(rows), SHOWN), labels)
        title = run_title(experiment)
        if {"test_images", "test_decodes"} <= set(rows):
            error = findings.mean_square(*_images(path, ("test_images", "test_decodes"), SHOWN))
            title += f": MSE {error:.3g} of the images shown"
        panel.set_title(title, loc="left")
    return figure


def draw_compare(spec: dict, data: list[str]):
    """Test images, and below them each experiment's reconstructions: first seed."""
    titles = [run_title(experiment) for experiment in spec["runs"].values()]
    shown = [_images(path, ("test_images", "test_decodes"), SHOWN) for path in data]
    rows = [shown[0][0], *(decoded for _, decoded in shown)]
    errors = {t: findings.mean_square(*pair) for t, pair in zip(titles, shown, strict=True)}
    labels = [f"{title}\nMSE {error:.3g}" for title, error in errors.items()]
    figure, panel = plt.subplots(figsize=(8.5, 0.6 + 0.62 * len(rows)))
    image_grid(panel, np.stack(rows), [ROW_LABELS["test_images"], *labels])
    found = findings.lowest(errors, "MSE of the images shown")
    figure.suptitle(found, x=0.01, ha="left", size=plt.rcParams["axes.titlesize"])
    return figure


def draw_paths(spec: dict, data: list[str]):
    """Decoded paths between two test images of different classes: first seed, two pairs."""
    experiments, along = list(spec["runs"].values()), spec["figure"]["along"]
    figure, axes = panels(len(experiments), 6, 0.6 + 1.3 * len(along), columns=1)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        decoded = _images(path, tuple(along), SHOWN_PATHS)
        images = np.concatenate(decoded.swapaxes(0, 1))
        image_grid(panel, images, [PATH_LABELS[kind] for kind in along] * SHOWN_PATHS)
        found = [f"{PATH_LABELS[k]} {findings.evenness(_images(path, (k,))[0])}" for k in along]
        panel.set_title(f"{run_title(experiment)}\n{', '.join(found)}", loc="left")
    return figure


def draw_walks(spec: dict, data: list[str]):
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
        panel.set_title(run_title(experiment), loc="left")
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


def draw_corners(spec: dict, data: list[str]):
    """Decoded codes between those of four test images, in the corners: first seed."""
    experiments = list(spec["runs"].values())
    figure, axes = panels(len(experiments), 4.4, 4.7)
    for panel, experiment, path in zip(axes, experiments, data, strict=True):
        (grid,) = _images(path, ("corners",))
        image_grid(panel, grid, [""] * len(grid))
        lines = np.concatenate([grid, grid.swapaxes(0, 1)])
        panel.set_title(f"{run_title(experiment)}\n{findings.evenness(lines)}", loc="left")
    return figure


def draw_growth(spec: dict, data: list[str]):
    """One image, then its reconstruction after each epoch kept, row by row: first seed."""
    grids = [growth_grid(path) for path in data]
    rows = max(len(labels) for _, labels in grids)
    figure, axes = panels(len(grids), 5.2, 0.5 + 0.47 * rows, columns=2)
    runs = spec["runs"].values()
    for panel, run, path, (grid, labels) in zip(axes, runs, data, grids, strict=True):
        image_grid(panel, grid, labels)
        panel.set_title(f"{run_title(run)}\n{_growth(path)}", loc="left")
    return figure


def _growth(path: str) -> str:
    stored = read_tensors(path)
    image, shown = stored["image"][0], stored["reconstructions"][0]
    first, last = (findings.mean_square(image, shown[k]) for k in (0, -1))
    return f"MSE {first:.3g} at first, {last:.3g} in the end"


def growth_grid(path: str) -> tuple[np.ndarray, list[str]]:
    """Images [R,columns,H,W], white where nothing is left to show, and a label a row."""
    stored = read_tensors(path)
    flat = np.stack([stored["image"][0], *stored["reconstructions"][0]])
    frames = pictures(flat, read_tensor_metadata(path)["shape"])
    size = frames.shape[1:]
    blank = np.full((-len(frames) % GROWTH_COLUMNS, *size), 255, np.uint8)
    grid = np.concatenate([frames, blank]).reshape(-1, GROWTH_COLUMNS, *size)
    rows = np.split(stored["epochs"], range(GROWTH_COLUMNS - 1, len(frames) - 1, GROWTH_COLUMNS))
    labels = [f"{row[0]}–{row[-1]}" for row in rows]
    return grid, [f"image, epochs {labels[0]}", *(f"epochs {label}" for label in labels[1:])]


def draw_spoilt(spec: dict, data: list[str]):
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
        title = f"{run_title(run)} · {severity_label(corruption)}"
        if "decodes" in wanted["rows"]:
            clean, decoded = _images(path, (names["clean"], names["decodes"]), SHOWN)
            title += f": MSE {findings.mean_square(clean, decoded):.3g}"
        panel.set_title(title, loc="left")
    return figure


def _images(path: str, names: tuple[str, ...], first: int | None = None) -> np.ndarray:
    """The `first` (or all) images of the first seed, [names,…,H,W], or […,H,W,3] in colour."""
    stored = read_tensors(path)
    flat = np.stack([stored[name][0][:first] for name in names])
    return pictures(flat, read_tensor_metadata(path)["shape"])


def pictures(flat: np.ndarray, shape: list[int]) -> np.ndarray:
    """uint8 […,C·H·W] → […,H,W], or […,H,W,3] in colour."""
    images = flat.reshape(*flat.shape[:-1], *shape)
    return images[..., 0, :, :] if shape[0] == 1 else np.moveaxis(images, -3, -1)
