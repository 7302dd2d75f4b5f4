"""The whole pipeline from nothing, in a copy of the tracked files: how much of the machine's time
is work, and how long it takes to find that there is nothing to do."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.cases import ROOT
from benchmarks.contest import CORES

MANY = 200
WORKED = re.compile(r"([\d.]+) s of work")


def measured() -> pd.DataFrame:
    """Seconds of the default run, of its work (summed over its jobs) and of the cores' time that
    was not; of a run that has nothing to do; of planning 200 experiments."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        whole = snakemake(folder)
        logs = [path.read_text("utf-8") for path in folder.glob("results/logs/**/*.log")]
        worked = sum(float(seconds) for log in logs for seconds in WORKED.findall(log)[-1:])
        nothing = snakemake(folder)
        experiments(folder, MANY)
        many = ["-n", "--quiet", "all", "--config", "studies=[many]", "job_takes=experiment"]
        rows = {
            "default run": whole,
            "its jobs' work": worked,
            "cores' time outside work": CORES * whole - worked,
            "run with nothing to do": nothing,
            f"plan of {MANY} experiments": snakemake(folder, *many),
        }
    return pd.DataFrame({"what": rows.keys(), "seconds": rows.values()})


def copy(folder: Path) -> None:
    """What git tracks, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for file in listed.stdout.splitlines():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, target)


def experiments(folder: Path, n: int) -> None:
    """Study A with `n` more auto-decoders."""
    studies = folder / "config/studies"
    study = yaml.safe_load((studies / "auto_decoder.yaml").read_text("utf-8"))
    more = {f"ad-{i}": study["experiments"]["ad"] for i in range(n)}
    study["id"] = "many"
    study["experiments"] |= more
    study["small"]["experiments"] += more
    (studies / "many.yaml").write_text(yaml.safe_dump(study), "utf-8")


def snakemake(folder: Path, *arguments: str) -> float:
    """Seconds of a run."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", str(CORES), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "workflow")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return time.perf_counter() - begin
