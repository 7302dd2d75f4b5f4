"""`--profile profiles/slurm` on a real SLURM: what jobs ask for, and what they survive."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from conftest import Checkout
from slurm.one_node import installed, one_node

from latent_atlas.config.jobs import Jobs
from latent_atlas.config.needs import Needs
from latent_atlas.config.paths import Paths
from latent_atlas.config.project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not installed(), reason="needs slurm-wlm, munge and root"),
]
PROFILE = (
    "--profile=profiles/slurm",
    "--jobs=4",
    "--default-resources",
    "slurm_partition=main",
    "--slurm-no-account",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=2",
    "--seconds-between-status-checks=2",
)
TARGET = "study_auto_decoder"
TRAINING = "train_auto_decoder"
WEIGHTS = "results/runs/ad/weights.safetensors"
CLOCKED = ("costs.parquet", "provenance.parquet", "claims.parquet", "report.html", "numbers.json")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[dict[str, str]]:
    with one_node(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


def study_a(folder: Path) -> Checkout:
    """A checkout whose study A trains for some seconds and saves every one."""
    checkout = Checkout(folder)
    checkout.make_tiny()
    settings = {"studies": ["auto_decoder"], "job_takes": "study", "checkpoint_minutes": 0.01}
    checkout.edit("config/config.yaml", seeds=2, **settings)
    small = {"train": 200, "epochs_factor": 0.2, "experiments": ["ad", "vad-gaussian"]}
    checkout.edit("config/studies/auto_decoder.yaml", small=small)
    return checkout


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Checkout:
    """The same run on this machine."""
    checkout = study_a(tmp_path_factory.mktemp("local") / "atlas")
    run = checkout.snakemake(TARGET)
    assert run.returncode == 0, run.stderr
    return checkout


def command(cluster: dict[str, str], *words: str) -> str:
    done = subprocess.run(words, env=os.environ | cluster, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def jobs_of(cluster: dict[str, str]) -> dict[str, dict[str, str]]:
    """What scontrol says of every job that SLURM remembers, by id."""
    told = command(cluster, "scontrol", "--oneliner", "show", "job").splitlines()
    jobs = (dict(re.findall(r"(\S+?)=(\S*)", line)) for line in told if "JobId=" in line)
    return {job["JobId"]: job for job in jobs}


def trainings(cluster: dict[str, str], before: set[str], state: str = "") -> list[dict[str, str]]:
    return [
        job
        for number, job in jobs_of(cluster).items()
        if number not in before
        and TRAINING in job.get("Comment", "")
        and (not state or job["JobState"] == state)
    ]


def wait_for(found: Callable[[], object], seconds: float = 90) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.2)
    raise AssertionError("it did not come about")


def assert_equal(one: Checkout, other: Checkout) -> None:
    first, second = one.files(), other.files()
    assert first.keys() == second.keys()
    differing = {name for name in first if first[name] != second[name]}
    assert {name for name in differing if not name.endswith(CLOCKED)} == set()


def test_jobs_ask_for_what_they_need_and_give_the_same_results(cluster, whole, tmp_path):
    before = set(jobs_of(cluster))
    checkout = study_a(tmp_path / "atlas")
    run = checkout.snakemake(*PROFILE, "--", TARGET, **cluster)
    assert run.returncode == 0, run.stderr[-3000:]
    assert_equal(whole, checkout)
    settings = yaml.safe_load((checkout.folder / "config/config.yaml").read_text())
    project = Project(settings, checkout.folder)
    (batch,) = (b for b in Jobs(Paths(project)).batches() if b.name == TRAINING)
    needs = Needs(project)
    (training,) = trainings(cluster, before)
    assert training["JobState"] == "COMPLETED"
    hours, minutes, _ = map(int, training["TimeLimit"].split(":"))
    assert 60 * hours + minutes == needs.runtime(batch.jobs)
    assert training["MinMemoryNode"] == f"{needs.mem_mb(batch.jobs)}M"
    assert training["TresPerJob"] == "gres:gpu:1"
    assert training["CPUs/Task"] == "1"
    assert training["Requeue"] == "1"
    figures = [
        j for j in jobs_of(cluster).values() if "figure_auto_decoder" in j.get("Comment", "")
    ]
    assert len(figures) == 1
    assert "TresPerJob" not in figures[0]


def test_a_training_goes_on_after_scancel_requeue_and_drain(cluster, whole, tmp_path):
    before = set(jobs_of(cluster))
    checkout = study_a(tmp_path / "atlas")
    with background(checkout, cluster, tmp_path / "output", *PROFILE, "--", WEIGHTS) as run:
        cancelled = in_the_middle(checkout, cluster, before)
        command(cluster, "scancel", cancelled["JobId"])
        requeued = in_the_middle(checkout, cluster, before | {cancelled["JobId"]})
        command(cluster, "scontrol", "requeue", requeued["JobId"])
        wait_for(lambda: trainings(cluster, before, "PENDING"))
        node = f"nodename={requeued['NodeList']}"
        command(cluster, "scontrol", "update", node, "state=drain", "reason=test")
        time.sleep(5)
        assert not trainings(cluster, before, "RUNNING")
        command(cluster, "scontrol", "update", node, "state=resume")
        assert run.wait(timeout=300) == 0, (tmp_path / "output").read_text()[-3000:]
    log = (checkout.folder / f"results/logs/train_latents/{TRAINING}.log").read_text()
    assert "going on from results/runs/" in log
    assert len(trainings(cluster, before)) == 2
    (last,) = trainings(cluster, before, "COMPLETED")
    assert (last["JobId"], last["Restarts"]) == (requeued["JobId"], "1")
    local, far = whole.files("results/runs/*/*"), checkout.files("results/runs/*/*")
    assert WEIGHTS in far
    assert {name for name in far if far[name] != local[name]} <= {
        f"results/runs/{run}/costs.parquet" for run in ("ad", "vad-gaussian")
    }


@contextmanager
def background(
    checkout: Checkout, cluster: dict[str, str], output: Path, *arguments: str
) -> Iterator[subprocess.Popen]:
    """Snakemake, killed in the end where it still runs."""
    environment = {"PYTHONPATH": str(checkout.folder / "workflow")} | cluster
    with output.open("w") as file:
        run = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=checkout.folder,
            env=os.environ | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            yield run
        finally:
            run.kill()
            run.wait()


def in_the_middle(checkout: Checkout, cluster: dict[str, str], before: set[str]) -> dict[str, str]:
    """The training that runs, once it has saved something."""
    (training,) = wait_for(lambda: trainings(cluster, before, "RUNNING"))
    began = time.time()
    wait_for(
        lambda: any(
            path.stat().st_mtime > began
            for path in checkout.folder.glob("results/runs/*/unfinished/*.safetensors")
        )
    )
    return training
