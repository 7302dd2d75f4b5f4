"""What else goes wrong: each function does it to a copy of the reference and says what is not as it
should be afterwards; nothing, where all is well."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import Checkout

from faults.kills import STAGES, contents, jobs_of, started
from faults.kills import remove as remove_stage

WEIGHTS = "results/runs/ad/weights.safetensors"
TRAINING = STAGES["training"]
Fault = Callable[[Checkout, Checkout], list[str]]
"""Takes the reference and a copy of it."""


def differences(reference: Checkout, copy: Checkout) -> list[str]:
    before, after = contents(reference), contents(copy)
    names = sorted(before.keys() | after.keys())
    return [f"{name} differs" for name in names if before.get(name) != after.get(name)]


def finished_equal(reference: Checkout, copy: Checkout, *targets: str) -> list[str]:
    """The same command again ends well, with equal bytes."""
    run = copy.snakemake(*targets)
    if run.returncode:
        return [f"the next run failed: {run.stderr[-3000:]}"]
    return differences(reference, copy)


def told(run: subprocess.CompletedProcess, *words: str) -> list[str]:
    """Of a run that must fail with these words and without a traceback."""
    said = [] if run.returncode else ["it did not fail"]
    said += [f"no {word!r} in {run.stderr[-500:]}" for word in words if word not in run.stderr]
    return said + (["a traceback"] if "Traceback" in run.stderr else [])


def sigterm(reference: Checkout, copy: Checkout) -> list[str]:
    remove_stage(copy, TRAINING)
    with started(copy, TRAINING.target) as process:
        while not jobs_of(copy) and process.poll() is None:
            time.sleep(0.05)
        time.sleep(4)
        for job in jobs_of(copy):
            os.kill(job, signal.SIGTERM)
    return finished_equal(reference, copy, TRAINING.target)


def in_namespace(copy: Checkout, script: str) -> subprocess.CompletedProcess:
    """A shell in the copy's folder that may mount file systems nobody else sees."""
    environment = os.environ | {"PYTHONPATH": str(copy.folder / "workflow")}
    run = f"{sys.executable} -m snakemake --cores 1 {TRAINING.target}"
    return subprocess.run(
        ["unshare", "-rm", "bash", "-c", f"run() {{ {run}; }}\n{script}"],
        cwd=copy.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def full_disk(reference: Checkout, copy: Checkout) -> list[str]:
    """Results lie on a disk that is full but for some kilobytes."""
    remove_stage(copy, TRAINING)
    before = contents(copy)
    shutil.copytree(copy.folder / "results", copy.folder / "kept")
    run = in_namespace(
        copy,
        """
        size=$(($(du -sk kept | cut -f1) + 300))
        mount -t tmpfs -o size=${size}k tmpfs results && cp -a kept/. results
        run; status=$?
        rm -rf kept && mkdir kept && cp -a results/. kept
        exit $status
        """,
    )
    found = told(run, "No space left on device")
    shutil.rmtree(copy.folder / "results")
    (copy.folder / "kept").rename(copy.folder / "results")
    after = contents(copy)
    found += [f"{name} was lost" for name in before if before[name] != after.get(name)]
    copy.snakemake("--unlock")
    return found + finished_equal(reference, copy, TRAINING.target)


def read_only(reference: Checkout, copy: Checkout) -> list[str]:
    remove_stage(copy, TRAINING)
    run = in_namespace(
        copy, "mount --bind results results && mount -o remount,bind,ro results && run"
    )
    found = told(run, "Read-only file system")
    copy.snakemake("--unlock")
    return found + finished_equal(reference, copy, TRAINING.target)


def flip(path: Path, place: float) -> None:
    """The bits of a byte at a share of the file's length."""
    data = bytearray(path.read_bytes())
    data[min(int(place * len(data)), len(data) - 1)] ^= 0xFF
    path.write_bytes(data)


def corrupted(name: str, place: float, target: str) -> Fault:
    """A result that rots is named by what reads it, and made again once it is deleted."""

    def fault(reference: Checkout, copy: Checkout) -> list[str]:
        path = copy.folder / name
        times = path.stat()
        flip(path, place)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        run = copy.snakemake("--forcerun", target, "--", target)
        if run.returncode == 0:
            path.write_bytes((reference.folder / name).read_bytes())
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            return differences(reference, copy)
        found = told(run, name)
        path.unlink()
        return found + finished_equal(reference, copy, name, target)

    return fault


def corrupted_download(place: float) -> Fault:
    """It is fetched again."""

    def fault(reference: Checkout, copy: Checkout) -> list[str]:
        flip(min((copy.folder / "downloads").rglob("*.gz")), place)
        (copy.folder / STAGES["download"].target).unlink()
        return finished_equal(reference, copy, STAGES["download"].target)

    return fault


def corrupted_checkpoint(place: float) -> Fault:
    def fault(reference: Checkout, copy: Checkout) -> list[str]:
        remove_stage(copy, TRAINING)
        folder = copy.folder / "results/runs/ad/unfinished"
        with started(copy, TRAINING.target) as process:
            while process.poll() is None and len(list(folder.glob("*.safetensors"))) < 2:
                time.sleep(0.02)
            process.kill()
            for job in jobs_of(copy):
                os.kill(job, signal.SIGKILL)
        found = [] if (last := sorted(folder.glob("*.safetensors"))) else ["no checkpoint was left"]
        if last:
            flip(last[-1], place)
        copy.snakemake("--unlock")
        return found + finished_equal(reference, copy, TRAINING.target)

    return fault


def clock_back(reference: Checkout, copy: Checkout) -> list[str]:
    """What is there was made a day from now. Snakemake says so; once it is touched all is well."""

    def dated(when: float) -> None:
        for path in (copy.folder / "results").rglob("*"):
            os.utime(path, (when, when))

    dated(time.time() + 24 * 60 * 60)
    remove_stage(copy, TRAINING)
    found = told(copy.snakemake(TRAINING.target), "clock skew")
    dated(time.time())
    return found + finished_equal(reference, copy, TRAINING.target)


def two_at_once(stage: str, *more: str) -> Fault:
    """Two Snakemakes that do not heed each other's lock, the second with `more`."""

    def fault(reference: Checkout, copy: Checkout) -> list[str]:
        remove_stage(copy, STAGES[stage])
        target = STAGES[stage].target
        other = target.replace("results/", "others/") if more else target
        with (
            started(copy, "--nolock", target) as one,
            started(copy, "--nolock", *more, "--", other) as two,
        ):
            found = [f"status {status}" for status in (one.wait(), two.wait()) if status]
        if more and (copy.folder / target).read_bytes() != (copy.folder / other).read_bytes():
            found.append("they differ")
        return found + differences(reference, copy)

    return fault


PLACES = (0.0, 0.02, 0.3, 0.7, 1.0)
FAULTS: dict[str, list[Fault]] = {
    "SIGTERM to a training": [sigterm],
    "full disk": [full_disk],
    "read-only results": [read_only],
    "clock set back a day": [clock_back],
    "two at one training": [two_at_once("training")],
    "two at one download": [two_at_once("download", "--config", "results=others")],
    "corrupted checkpoint": [corrupted_checkpoint(place) for place in PLACES],
    "corrupted weights": [
        corrupted(WEIGHTS, place, "results/runs/ad/latents/test.safetensors") for place in PLACES
    ],
    "corrupted data set": [
        corrupted("results/datasets/digits/train.safetensors", place, WEIGHTS) for place in PLACES
    ],
    "corrupted table": [
        corrupted("results/runs/ad/metrics.parquet", place, "results/metrics.parquet")
        for place in PLACES
    ],
    "corrupted download": [corrupted_download(place) for place in PLACES],
}
