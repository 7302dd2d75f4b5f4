"""Figures show the numbers of their files."""

import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latent_atlas.config.corruptions import CORRUPTIONS, SEVERITIES
from latent_atlas.figures import findings
from latent_atlas.figures.draw import KINDS, draw_figure
from latent_atlas.figures.grids import growth_grid
from latent_atlas.files import write_table, write_tensors

RUN = {"title": "Autoencoder", "reading": "as coded", "dataset": "digits"}


def test_growth_runs_row_by_row_from_the_image(tmp_path):
    path = tmp_path / "growth.safetensors"
    frames = np.arange(1, 20, dtype=np.uint8)
    write_tensors(
        path,
        {
            "image": np.zeros((1, 16), np.uint8),
            "reconstructions": frames[None, :, None] * np.ones((2, 19, 16), np.uint8),
            "epochs": np.arange(2, 40, 2),
        },
        shape=[1, 4, 4],
    )
    grid, labels = growth_grid(str(path))
    assert grid[:, :, 0, 0].ravel().tolist() == [*range(20), *[255] * 7]
    assert labels == ["image, epochs 2–16", "epochs 18–34", "epochs 36–38"]
    figure = KINDS["growth"]({"runs": {"a": RUN, "b": RUN}}, [str(path)] * 2)
    assert len(figure.axes) == 2


def test_an_overlay_has_a_line_for_each_run_and_split(tmp_path):
    paths = []
    for number in range(2):
        rows = [
            (seed, epoch, split, term, number + epoch + seed)
            for seed in range(3)
            for epoch in (1, 2)
            for split in ("train", "validation")
            for term in ("loss", "kl_nats")
        ]
        paths.append(tmp_path / f"{number}.parquet")
        columns = ["seed", "epoch", "split", "term", "value"]
        write_table(paths[-1], pd.DataFrame(rows, columns=columns))
    wanted = {"term": "loss", "splits": ["train", "validation"]}
    figure = KINDS["overlay"]({"figure": wanted, "runs": {"a": RUN, "b": RUN}}, paths)
    (panel,) = figure.axes
    assert [line.get_ydata().tolist() for line in panel.lines] == [[2, 3], [2, 3], [3, 4], [3, 4]]
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert labels[:2] == [f"Autoencoder · as coded · digits · {s}" for s in wanted["splits"]]


def test_confusion_is_in_percent_of_the_class(tmp_path):
    path = tmp_path / "predictions.safetensors"
    labels = np.array([[0, 0, 0, 0, 1, 1]])
    write_tensors(path, {"test": np.array([[0, 0, 0, 1, 1, 1]]), "test_labels": labels})
    figure = KINDS["confusion"]({"runs": {"a": RUN}, "classes": {"a": ["x", "y"]}}, [str(path)])
    (panel,) = figure.axes
    np.testing.assert_allclose(panel.images[0].get_array(), [[75, 25], [0, 100]])
    assert [text.get_text() for text in panel.texts] == ["75", "25", "100"]


@pytest.mark.parametrize("best", [0, 2])
def test_the_best_trial_is_red(tmp_path, best):
    path = tmp_path / "trials.parquet"
    trials = pd.DataFrame(
        {
            "trial": range(3),
            "state": ["complete", "pruned", "complete"],
            "value": [3.0, 4.0, 2.0],
            "measures": "validation loss",
            "best": [number == best for number in range(3)],
        }
    )
    write_table(path, trials)
    figure = KINDS["trials"]({"runs": {"a": RUN}}, [str(path)])
    (panel,) = figure.axes
    complete, pruned, red = (points.get_offsets().tolist() for points in panel.collections)
    assert red == [[best + 1, trials.value[best]]]
    assert complete == [[3 - best, trials.value[2 - best]]]
    assert pruned == [[2, 4.0]]
    assert panel.get_ylabel() == "validation loss"


def test_walks_are_labelled_with_their_coordinates(tmp_path):
    path = tmp_path / "samples.safetensors"
    rng = np.random.default_rng(0)
    write_tensors(
        path,
        {
            "walk_0": rng.integers(0, 256, (2, 3, 7, 48), np.uint8),
            "walk_1": rng.integers(0, 256, (2, 1, 7, 48), np.uint8),
            "strongest_width": rng.integers(0, 256, (2, 16, 7, 48), np.uint8),
            "coordinate_width": np.array([4, 9]),
        },
        shape=[3, 4, 4],
    )
    rows = {"coordinate": 29, "low": -1.0, "high": 3.0, "points": 3}
    sweep = {"coordinate": 6, "low": 1.5, "high": 7.5, "points": 7}
    run = RUN | {"walks": [sweep | {"rows": rows}, sweep | {"coordinate": 1, "rows": None}]}
    named = KINDS["walks"]({"runs": {"a": run}, "figure": {"which": "named"}}, [str(path)])
    labels = [label.get_text() for label in named.axes[0].get_yticklabels()]
    assert labels == [
        "coordinate 6: 1.5 … 7.5\n29 at −1",
        "coordinate 6: 1.5 … 7.5\n29 at 1",
        "coordinate 6: 1.5 … 7.5\n29 at 3",
        "coordinate 1: 1.5 … 7.5",
    ]
    assert named.axes[0].images[0].get_array().shape[-1] == 3, "in colour"
    strongest = KINDS["walks"]({"runs": {"a": run}, "figure": {"which": "strongest"}}, [str(path)])
    labels = [label.get_text() for label in strongest.axes[0].get_yticklabels()]
    assert labels == ["width\ncoordinate 4: −2 … 2"]


def test_labels_before_images_are_not_cut(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (1, 5, 7, 784), np.uint8)
    write_tensors(tmp_path / "samples.safetensors", {"walk_0": images}, shape=[1, 28, 28])
    rows = {"coordinate": 27, "low": -2.0, "high": 2.0, "points": 5}
    walk = {"coordinate": 10, "low": -5.0, "high": 5.0, "points": 7, "rows": rows}
    figure = {"kind": "walks", "which": "named"}
    spec = {"study": "c", "figure": figure, "runs": {"a": RUN | {"walks": [walk]}}, "command": ""}
    output = {kind: str(tmp_path / f"figure.{kind}") for kind in ("png", "svg", "sidecar")}
    draw_figure(spec, [str(tmp_path / "samples.safetensors")], output, "")
    drawn = np.asarray(Image.open(output["png"]).convert("L"))
    assert drawn.min() < 100 and (drawn[:, :3] == 255).all()


def test_rows_of_many_and_of_few_images_share_a_figure(tmp_path):
    path = tmp_path / "samples.safetensors"
    write_tensors(
        path,
        {
            "test_images": np.zeros((1, 10, 16), np.uint8),
            "random_decodes": np.full((1, 500, 16), 9, np.uint8),
        },
        shape=[1, 4, 4],
    )
    run = RUN | {"random_latents": "normal"}
    wanted = {"rows": ["test_images", "random_decodes"]}
    figure = KINDS["decodes"]({"runs": {"a": run}, "figure": wanted}, [str(path)])
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (2 * 6 - 2, 10 * 6 - 2)
    assert shown[-1, 0] == 9


def test_nets_are_compared_on_the_same_images(tmp_path):
    paths = []
    for number in range(2):
        paths.append(str(tmp_path / str(number)))
        stored = {
            "test_images": np.full((1, 10, 48), 7, np.uint8),
            "test_decodes": np.full((1, 500, 48), number, np.uint8),
        }
        write_tensors(paths[-1], stored, shape=[3, 4, 4])
    other = RUN | {"title": "VAE"}
    figure = KINDS["compare"]({"runs": {"a": RUN, "b": other}}, paths)
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown[[0, 6, 12], 0, 0].tolist() == [7, 0, 1]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    errors = [f"MSE {(difference / 255) ** 2:.3g}" for difference in (7, 6)]
    assert labels == [
        "test image",
        f"Autoencoder · as coded · digits\n{errors[0]}",
        f"VAE · as coded · digits\n{errors[1]}",
    ]


def test_batches_are_those_of_the_first_seed(tmp_path):
    rows = [
        (seed, step, split, "loss", 10 * seed + step)
        for seed in (3, 5)
        for step in range(1, 9)
        for split in ("batch", "train")
    ]
    path = tmp_path / "history.parquet"
    write_table(path, pd.DataFrame(rows, columns=["seed", "step", "split", "term", "value"]))
    figure = KINDS["batches"]({"figure": {"term": "loss"}, "runs": {"a": RUN}}, [str(path)])
    raw, smooth = figure.axes[0].lines
    assert raw.get_ydata().tolist() == [31, 32, 33, 34, 35, 36, 37, 38]
    assert len(smooth.get_ydata()) == 8


def test_severities_start_from_the_clean_image(tmp_path):
    path = tmp_path / "metrics.parquet"
    rows = [(seed, "corrupted_mse/clean", 0.01 + seed) for seed in range(2)]
    rows += [
        (seed, f"corrupted_mse/{name}", severity + seed)
        for seed in range(2)
        for name, (_, severity) in CORRUPTIONS.items()
    ]
    write_table(path, pd.DataFrame(rows, columns=["seed", "metric", "value"]))
    wanted = {"metric": "corrupted_mse", "published": {"flips": "0.0403"}}
    figure = KINDS["severity"]({"figure": wanted, "runs": {"a": RUN}}, [str(path)])
    panels = dict(zip(SEVERITIES, figure.axes, strict=True))
    line = panels["flips"].lines[0]
    assert line.get_xdata().tolist() == [0, *SEVERITIES["flips"]]
    assert line.get_ydata().tolist() == pytest.approx(
        [0.51, *(0.5 + s for s in line.get_xdata()[1:])]
    )
    assert [text.get_text() for text in panels["flips"].texts] == ["published 0.0403"]
    assert not panels["square"].texts


def losses(path, points):
    rows = [(seed, f"sweep_loss/{name}", loss + seed) for seed in (0, 2) for name, loss in points]
    write_table(path, pd.DataFrame(rows, columns=["seed", "metric", "value"]))
    return str(path)


def test_the_lowest_point_of_a_sweep_is_named(tmp_path):
    path = losses(tmp_path / "sizes.parquet", [("2", 9.0), ("20", 4.0), ("80", 5.0)])
    run = RUN | {"grid": {"model.latent": [2, 20, 80]}}
    (panel,) = KINDS["sweep"]({"runs": {"a": run}}, [path]).axes
    assert panel.lines[0].get_ydata().tolist() == [10, 5, 6]
    assert panel.get_title() == "Autoencoder: lowest at 20"
    assert panel.get_xlabel() == "latent"


def test_the_lowest_of_a_grid_is_framed_whatever_is_negative_or_diverged(tmp_path):
    path = losses(
        tmp_path / "grid.parquet", [("1+0", 9.0), ("1+2", 4.0), ("3+0", 5.0), ("3+2", 6.0)]
    )
    run = RUN | {"grid": {"rate": [1, 3], "decay": [0, 2]}}
    (panel,) = KINDS["grid"]({"runs": {"a": run}}, [path]).axes
    assert [text.get_text() for text in panel.texts] == ["10", "5", "6", "7"]
    assert panel.patches[0].get_xy() == (0.5, -0.5)
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("decay", "rate")
    path = losses(
        tmp_path / "grid.parquet",
        [("1+0", math.nan), ("1+2", 4.0), ("3+0", 5.0), ("3+2", -6.0), ("3+2", math.nan)],
    )
    (panel,) = KINDS["grid"]({"runs": {"a": run}}, [path]).axes
    assert [text.get_text() for text in panel.texts] == ["diverged", "5", "6", "-5\n2 of 4 seeds"]
    assert panel.patches[0].get_xy() == (0.5, 0.5)
    assert panel.get_title().endswith("lowest at rate 3, decay 2")
    ranks = panel.images[0].get_array()
    assert ranks[1, 1] < ranks[0, 1] < ranks[1, 0]


def test_spoilt_images_have_a_panel_for_each_corruption(tmp_path):
    path = tmp_path / "samples.safetensors"
    names = ["clean", "noise-1", "flips-0.1"]
    stored = {
        f"spoilt_{name}": np.full((1, 10, 16), 10 * i, np.uint8) for i, name in enumerate(names)
    }
    stored |= {f"spoilt_{name}_decodes": stored[f"spoilt_{name}"] + 1 for name in names}
    write_tensors(path, stored, shape=[1, 4, 4])
    wanted = {"corruptions": names[1:], "rows": ["clean", "spoilt", "decodes"]}
    figure = KINDS["spoilt"]({"figure": wanted, "runs": {"a": RUN}}, [str(path)])
    assert [panel.get_title(loc="left").rpartition(" · ")[2] for panel in figure.axes] == [
        f"Gaussian noise, cut off, λ = 1: MSE {(11 / 255) ** 2:.3g}",
        f"flipped pixels, share 0.1: MSE {(21 / 255) ** 2:.3g}",
    ]
    shown = figure.axes[1].images[0].get_array()
    assert [shown[6 * row, 0] for row in range(3)] == [0, 20, 21]


def test_rates_are_points_and_point_codes_lines(tmp_path):
    paths = []
    for number, values in enumerate(
        (
            {"kl_nats": [10.0, 14.0], "reconstruction_mse_sampled": [0.02, 0.03]},
            {"reconstruction_mse": [0.01, 0.03]},
        )
    ):
        rows = [("test", m, v) for m, of_metric in values.items() for v in of_metric]
        paths.append(str(tmp_path / f"{number}.parquet"))
        write_table(paths[-1], pd.DataFrame(rows, columns=["split", "metric", "value"]))
    runs = {"vae": RUN | {"title": "VAE"}, "ae": RUN | {"title": "AE"}}
    (panel,) = KINDS["rate"]({"runs": runs}, paths).axes
    ((point, _, bars),) = panel.containers
    assert point.get_xydata().tolist() == [[12.0, 0.025]]
    assert bars[0].get_segments()[0][:, 0].tolist() == [10.0, 14.0]
    assert panel.lines[-1].get_ydata() == pytest.approx([0.02, 0.02])
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert sorted(labels) == ["AE, no rate", "VAE"]


def test_titles_say_what_is_there():
    assert findings.lowest({"a": 2.0, "b": 1.0}, "loss") == (
        "lowest loss: b, 1; the next 100% higher"
    )
    assert findings.lowest({"a": 2.0}, "loss") == "loss 2"
    assert findings.spread([1.0, 2.0, 3.0]) == "2 ± 1"
    line = np.stack([[0.0, 1.0, 2.0, 10.0, 11.0, 12.0], np.zeros(6)], 1)
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert findings.neighbours(line, labels).startswith("100%")
    assert findings.neighbours(line, np.array([0, 1] * 3)).startswith("0%")
    assert findings.neighbours(np.zeros((6, 2)), labels) == "all codes are one"
    assert findings.outwards(line, np.abs(line[:, 0] - 6)).endswith("1.00")
    white, black = np.full((2, 4), 255, np.uint8), np.zeros((2, 4), np.uint8)
    assert findings.mean_square(white, black) == 1
    even = np.arange(4, dtype=np.uint8)[None, :, None] * np.ones((1, 1, 5), np.uint8)
    assert findings.evenness(even) == "largest step 1 × the mean"
    assert findings.evenness(even[:, [0, 0, 3]]) == "largest step 2 × the mean"
