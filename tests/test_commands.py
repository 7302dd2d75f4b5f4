"""The commands beside the pipeline: what their help shows, their answers, their exit statuses."""

import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, TINY_RUNS
from PIL import Image

from latent_atlas.__main__ import parser
from latent_atlas.files import read_table, write_table

FOR_MAINTAINERS = {"rejudge", "document", "schemas"}
"""They write into the repository; the tests of what they write are beside what they write."""


def examples() -> list[str]:
    (commands,) = (action for action in parser()._actions if action.choices and action.nargs)
    shown = {name: one.epilog for name, one in commands.choices.items()}
    assert all("examples:" in epilog for epilog in shown.values())
    lines = [line for n, e in shown.items() if n not in FOR_MAINTAINERS for line in e.splitlines()]
    return [line.split("latent-atlas ")[1] for line in lines if "latent-atlas " in line]


@pytest.fixture
def answer(folder):
    def ask(*arguments: str, status: int = 0) -> str:
        done = folder.python("latent_atlas", *arguments)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if status < 2 else done.stderr

    return ask


@pytest.mark.parametrize("line", examples())
def test_examples_of_the_help_run(folder, line):
    done = folder.python("latent_atlas", *shlex.split(line))
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    if "--json" in line:
        assert isinstance(json.loads(done.stdout), list)
    else:
        assert done.stdout.strip()


def test_studies_and_experiments_are_those_of_the_run(answer):
    studies = json.loads(answer("studies", "--json"))
    assert [study["letter"] for study in studies] == list("ABCDE")
    rows = json.loads(answer("experiments", "--json"))
    assert {row["id"] for row in rows} == TINY_RUNS
    assert all(row["measured"] for row in rows)
    some = json.loads(answer("experiments", "--study", "auto_decoder", "--json"))
    assert {row["study"] for row in some} == {"auto_decoder"}
    assert "did you mean 'auto_decoder'" in answer(
        "experiments", "--study", "auto_decode", status=2
    )


def test_claims_are_filtered(answer, folder):
    rows = json.loads(answer("claims", "--verdict", "inconclusive", "--json"))
    table = read_table(folder.folder / "results/claims.parquet")
    assert len(rows) == (table.verdict == "inconclusive").sum() > 0
    recorded = json.loads(answer("claims", "--recorded", "--study", "colour_images", "--json"))
    assert len(recorded) == len(read_table(ROOT / "recorded/colour_images/claims.parquet"))
    assert "holds no claims.parquet" in answer("claims", "--config", "results=none", status=2)


def test_an_experiment_is_shown_with_its_means(answer, folder):
    (told,) = json.loads(answer("show", "ad", "--json"))
    metrics = read_table(folder.folder / "results/runs/ad/metrics.parquet")
    means = metrics.groupby(["metric", "split"]).value.mean()
    for row in told["metrics"]:
        assert row["mean"] == pytest.approx(means[row["metric"], row["split"]], rel=1e-9)
    assert "results/runs/ad/weights.safetensors" in told["files"]
    assert told["configuration"]["model"]["family"] == "auto-decoder"
    assert "a1-ad-train" in told["claims"]
    assert "did you mean 'ad'" in answer("show", "add", status=2)


def test_runs_are_compared_by_their_verdicts(answer, folder):
    assert json.loads(answer("compare", "results", "results-5", "--json")) == []
    path = folder.folder / "results-5/claims.parquet"
    claims = read_table(path)
    changed = claims.index[claims.verdict == "inconclusive"][:2]
    claims.loc[changed, "verdict"] = "reproduced"
    write_table(path, claims.drop(index=claims.index[-1]))
    rows = json.loads(answer("compare", "results", "results-5", "--json", status=1))
    assert [row["second"] for row in rows].count("reproduced") == 2
    assert [row["second"] for row in rows].count("no such row") == 1
    assert "3 of " in answer("compare", "results", "results-5", status=1)


def test_samples_are_drawn_by_their_seed(answer, folder):
    pictures = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        answer("samples", "ad", "--count", "9", "--seed", seed, "--output", f"{name}.png")
        pictures.append(np.asarray(Image.open(folder.folder / f"{name}.png")))
    assert pictures[0].shape == (3 * (2 * 29 + 1), 3 * (8 * 29 + 1))
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()
    assert "exists already" in answer("samples", "ad", "--output", "a.png", status=2)
    assert "found 0" in answer("samples", "ad", "--count", "0", status=2)
    assert "did you mean" in answer("samples", "aad", status=2)
    told = answer("samples", "ad", "--config", "results=none", "--output", "n.png", status=2)
    assert "not trained yet; run snakemake --cores all none/runs/ad" in told


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_the_commands(shell):
    done = subprocess.run(
        [sys.executable, "-m", "latent_atlas", "--completion", shell],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(re.search(rf"\b{name}\b", done.stdout) for name in ("compare", "verdict"))
