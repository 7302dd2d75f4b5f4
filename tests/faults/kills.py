"""SIGKILL at random moments, in chains: what is there in the end is as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from conftest import Checkout

from faults.server import DATASET

KINDS = ("job", "snakemake", "both")
CLOCKED = ("costs.parquet", "provenance.parquet")


@dataclass(frozen=True)
class Stage:
    """A part of the pipeline: the script that does it, what is asked of Snakemake, and what below
    the checkout is removed before."""

    name: str
    target: str
    removed: tuple[str, ...]


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "download",
            "results/datasets/fashion-mnist/train.safetensors",
            ("downloads", "results/datasets/fashion-mnist"),
        ),
        Stage(
            "training",
            "results/runs/ad/weights.safetensors",
            tuple(
                f"results/runs/ad/{name}"
                for name in (
                    "weights.safetensors",
                    "growth.safetensors",
                    "history.parquet",
                    "costs.parquet",
                    "seeds",
                    "unfinished",
                )
            ),
        ),
        Stage("latents", "results/runs/ad/latents/test.safetensors", ("results/runs/ad/latents",)),
        Stage("tuning", "results/searches/ae-search/best.json", ("results/searches",)),
        Stage(
            "evaluation",
            "results/runs/ad/metrics.parquet",
            (
                "results/runs/ad/metrics.parquet",
                "results/runs/ad/samples.safetensors",
                "results/runs/ad/explorer.safetensors",
            ),
        ),
        Stage(
            "report",
            "all",
            ("results/figures", "results/report.html", "results/explorer.html"),
        ),
    )
}


@dataclass
class Chain:
    """Kills of one stage in one copy of the reference, and whether it ended with equal bytes."""

    stage: str
    kills: Counter = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def survived(self) -> bool:
        return not self.differing and not self.error


def reference(folder: Path, downloaded: dict) -> Checkout:
    """A small finished run to copy, with work of some seconds in every stage; `downloaded` are
    changes to the data set that is."""
    checkout = Checkout(folder)
    checkout.make_tiny()
    only = ["ad", "ae-search"]
    checkout.edit("config/config.yaml", seeds=2, only=only, checkpoint_minutes=0.002)
    checkout.edit(DATASET, **downloaded)
    small = {"train": 200, "test": 100, "epochs_factor": 0.08}
    checkout.edit("config/studies/auto_decoder.yaml", small=small)
    checkout.edit("config/studies/tuned_autoencoder.yaml", small={"epochs_factor": 0.2})
    run = checkout.snakemake("all", STAGES["download"].target)
    assert run.returncode == 0, run.stderr
    return checkout


def run_chain(
    reference: Checkout, folder: Path, stage: Stage, longest: float, kills: int, seed: int
) -> Chain:
    """`kills` kills at random moments of the `longest` seconds that the stage takes, each followed
    by the same command; then to the end."""
    rng, chain = random.Random(seed), Chain(stage.name)
    checkout = reference.copy(folder)
    remove(checkout, stage)
    while chain.kills.total() < kills:
        kind = rng.choice(KINDS)
        if _killed(checkout, stage, kind, rng.uniform(0.2, 1.1 * longest)):
            chain.kills[kind] += 1
        else:
            remove(checkout, stage)
    last = checkout.snakemake(stage.target)
    if last.returncode:
        chain.error = last.stderr[-2000:]
    before, after = contents(reference), contents(checkout)
    names = sorted(before.keys() | after.keys())
    chain.differing = [name for name in names if before.get(name) != after.get(name)]
    shutil.rmtree(folder)
    return chain


def contents(checkout: Checkout) -> dict[str, str]:
    """Hashes by name, of everything that does not tell of seconds."""
    return {
        name: digest
        for name, digest in checkout.files().items()
        if not name.endswith(CLOCKED) and "/locks/" not in name
    }


def unlock(checkout: Checkout) -> None:
    checkout.snakemake("--unlock")


def remove(checkout: Checkout, stage: Stage) -> None:
    for name in stage.removed:
        path = checkout.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def seconds_of(reference: Checkout, folder: Path, stage: Stage) -> float:
    """The stage's, with Snakemake's own."""
    checkout = reference.copy(folder)
    remove(checkout, stage)
    begin = time.perf_counter()
    run = checkout.snakemake(stage.target)
    assert run.returncode == 0, run.stderr
    shutil.rmtree(folder)
    return time.perf_counter() - begin


def _killed(checkout: Checkout, stage: Stage, kind: str, after: float) -> bool:
    """Whether what was to be killed was still there `after` so many seconds, or, of a job, once
    there was one."""
    with started(checkout, stage.target) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        while kind != "snakemake" and process.poll() is None and not jobs_of(checkout):
            time.sleep(0.02)
        jobs = jobs_of(checkout)
        if process.poll() is not None:
            return False
        if kind != "job":
            process.kill()
        if kind != "snakemake":
            for job in jobs:
                _kill(job)
        process.wait()
    if kind != "job":
        unlock(checkout)
    return kind == "snakemake" or bool(jobs)


@contextmanager
def started(checkout: Checkout, *arguments: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    environment = os.environ | {"PYTHONPATH": str(checkout.folder / "workflow")}
    environment.pop("LATENT_ATLAS_MIRROR", None)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        command, cwd=checkout.folder, env=environment, start_new_session=True, **quiet
    ) as process:
        yield process


def jobs_of(checkout: Checkout) -> list[int]:
    """Processes that run a script of the checkout."""
    scripts = f"{checkout.folder}/.snakemake/scripts/".encode()
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if scripts in _command(path) and not _command(path).startswith(b"/bin/bash")
    ]


def _command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
