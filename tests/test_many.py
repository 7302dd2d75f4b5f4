"""Thousands of experiments: each declared, or the points of a sweep."""

import re

import pytest
import yaml

N = 2000
PLANNING = """
import sys
from snakemake import cli
from latent_atlas.memory import peak_mib
try:
    cli.main(sys.argv[1:])
finally:
    print("peak MiB:", round(peak_mib()))
"""
pytestmark = pytest.mark.slow


def planned(checkout, study: str, *config: str) -> dict[str, int]:
    """Jobs by rule of a dry run at published scale, which takes less than 1.5 GB."""
    (checkout.folder / "planning.py").write_text(PLANNING)
    published = ["--configfile", "config/paper.yaml", "--config", f"studies=[{study}]", *config]
    run = checkout.python("planning", "--dry-run", "--cores", "2", *published)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(re.search(r"peak MiB: (\d+)", run.stdout)[1]) < 1400
    stats = re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in stats}


def test_thousands_of_experiments_are_planned(checkout):
    study = yaml.safe_load((checkout.folder / "config/studies/auto_decoder.yaml").read_text())
    declared = study["experiments"]
    own = {f"own-{n}": {**declared["ad"], "title": f"Own {n}"} for n in range(N)}
    checkout.edit("config/studies/auto_decoder.yaml", experiments=own)
    jobs = planned(checkout, "auto_decoder")
    for rule in ("train", "latents", "embed", "evaluate"):
        assert jobs[rule] == N + len(declared)
    jobs = planned(checkout, "auto_decoder", "job_takes=study")
    assert jobs["train_auto_decoder"] == 1


def test_thousands_of_points_are_a_few_jobs(checkout):
    points = [{"training.learning_rate": 1e-6 * n} for n in range(1, N + 1)]
    sweep = {"title": "Own", "reading": "control", "base": "fnn", "points": points}
    checkout.edit("config/studies/noise_robustness.yaml", sweeps={"own": sweep})
    some = ("only=[own]", "max_jobs=8")
    jobs = planned(checkout, "noise_robustness", *some)
    assert (jobs["sweep_part"], jobs["sweep"]) == (8, 1)
