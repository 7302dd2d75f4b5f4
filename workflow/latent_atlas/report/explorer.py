"""Maps, images and lines of every model → one page to play with."""

import base64
import io
import json
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from latent_atlas.config.project import Project
from latent_atlas.figures.grids import pictures
from latent_atlas.figures.style import CLASS_COLOURS
from latent_atlas.files import atomic, read_table, read_tensor_metadata, read_tensors
from latent_atlas.report.page import environment, text

MOST_BYTES = 14_000_000
COLUMNS = 40
QUALITY = 75
LEVELS = 65535


def write_explorer(project: Project, tables: Iterable[str], tensors: Iterable[str], output) -> None:
    """`tables` and `tensors` name each experiment's maps and what evaluation has left for the
    explorer, in the project's order. Models that do not fit into 14 MB are named instead."""
    sheets: dict[str, dict] = {}
    models, left_out, size = {}, [], 0
    files = zip(project.experiments, tables, tensors, strict=True)
    for name, table, file in tqdm(list(files), desc="explorer", mininterval=5):
        stored, shape = read_tensors(file), read_tensor_metadata(file)["shape"]
        images = sprite(stored["images"], shape)
        known = images["source"] in sheets
        model = _model(project, name, read_table(table), stored, shape)
        more = len(json.dumps(model)) + (0 if known else len(images["source"]))
        if size + more > MOST_BYTES:
            left_out.append(name)
            continue
        size += more
        number = sheets.setdefault(images["source"], images | {"id": len(sheets)})["id"]
        models[name] = model | {"images": number}
    page = (
        environment()
        .get_template("explorer.html.j2")
        .render(
            data={"sheets": list(sheets.values()), "models": models, "colours": CLASS_COLOURS},
            groups={
                study.title: [name for name in project.study_runs(key) if name in models]
                for key, study in project.studies.items()
            },
            runs=project.runs,
            left_out=left_out,
            style=text("page.css") + text("explorer.css"),
            script=text("explorer.js"),
        )
    )
    with atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def sprite(images: np.ndarray, shape: list[int]) -> dict:
    """Images uint8 [n,pixels], forty in a row, as one WebP picture in a data address, and the size
    of its tiles."""
    tiles = pictures(images, shape)
    height, width, *colours = tiles.shape[1:]
    blank = np.zeros((-len(tiles) % COLUMNS, height, width, *colours), np.uint8)
    sheet = np.concatenate([tiles, blank]).reshape(-1, COLUMNS, height, width, *colours)
    whole = sheet.swapaxes(1, 2).reshape(-1, COLUMNS * width, *colours)
    buffer = io.BytesIO()
    Image.fromarray(whole).save(buffer, "WEBP", quality=QUALITY)
    source = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"source": source, "height": height, "width": width, "columns": COLUMNS}


def quantised(values: np.ndarray) -> dict:
    """Numbers [n] as 16-bit steps between the lowest and the highest."""
    low, high = float(values.min()), float(values.max())
    steps = np.rint((values - low) / ((high - low) or 1) * LEVELS).astype("<u2")
    return {"low": low, "high": high, "steps": base64.b64encode(steps.tobytes()).decode()}


def _model(project: Project, name: str, table: pd.DataFrame, stored: dict, shape) -> dict:
    run, dataset = project.experiments[name], project.dataset_of(name)
    anchors, pixels, count = stored["anchors"].tolist(), int(np.prod(shape)), len(stored["images"])
    points = table[table.seed == table.seed.min()]
    maps = {method: rows[:count] for method, rows in points.groupby("method", sort=False)}
    some = maps["pca"]
    model = {
        "dataset": dataset,
        "classes": project.datasets[dataset].classes,
        "about": f"{run.reading}, {run.model.family}, {run.model.latent} numbers a code, {dataset}",
        "maps": {
            method: {axis: quantised(rows[axis].to_numpy()) for axis in ("x", "y")}
            for method, rows in maps.items()
        },
        "labels": some.label.tolist(),
        "norms": quantised(some.norm.to_numpy()),
        "anchors": anchors,
        "pairs": list(combinations(range(len(anchors)), 2)),
        "steps": stored["lines"].shape[1],
        "lines": sprite(stored["lines"].reshape(-1, pixels), shape),
    }
    if "plane" in stored:
        plane = sprite(stored["plane"].reshape(-1, pixels), shape)
        corners = stored["corners"].tolist()
        model["plane"] = plane | {"points": len(stored["plane"]), "corners": corners}
    return model
