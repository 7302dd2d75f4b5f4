"""What was run, with what: key and value, nothing that names a user or a machine."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from latent_atlas.config.project import Project
from latent_atlas.files import read_tensor_metadata

PACKAGES = (
    "latent-atlas",
    "snakemake",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch-fidelity",
    "pandas",
    "pyarrow",
    "matplotlib",
)


def provenance_frame(
    project: Project,
    datasets: list[str],
    features: list[str],
    benchmarks: Path,
    costs: pd.DataFrame,
) -> pd.DataFrame:
    """Columns key and value, both text. Seconds are sums over jobs, from the benchmark files."""
    facts = {
        "commit": _commit(project.root),
        "configuration": project.hash,
        "scale": project.settings.scale,
        "seeds": ", ".join(map(str, project.settings.seed_list)),
        "studies": ", ".join(project.studies),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": ", ".join(sorted(set(costs.device))),
        "threads per training job": ", ".join(map(str, sorted(set(costs.threads)))),
    }
    for path in datasets:
        metadata = read_tensor_metadata(path)
        facts[f"data {metadata['dataset']} {Path(path).stem}"] = str(metadata["sha256"])
    for path in features:
        known = read_tensor_metadata(path)
        facts[f"features {known['dataset']}"] = (
            f"layer {known['layer']}, {known['dimension']} dimensions, test accuracy "
            f"{known['accuracy_percent']} %, weights {known['weights_sha256']}"
        )
    for package in PACKAGES:
        try:
            facts[f"version {package}"] = version(package)
        except PackageNotFoundError:
            facts[f"version {package}"] = "not installed"
    for stage, seconds in stage_seconds(benchmarks).items():
        facts[f"seconds {stage}"] = f"{seconds:.0f}"
    return pd.DataFrame({"key": list(facts), "value": list(facts.values())})


def stage_seconds(benchmarks: Path) -> dict[str, float]:
    """Rule → seconds summed over its jobs, from Snakemake's benchmark files; of none where jobs
    share no disk."""
    totals = {}
    for folder in sorted(path for path in benchmarks.glob("*") if path.is_dir()):
        files = folder.rglob("*.tsv")
        totals[folder.name] = sum(pd.read_csv(file, sep="\t")["s"].sum() for file in files)
    return totals


def _commit(root: Path) -> str:
    """The commit, with '+ changes' where tracked files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + (" + changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
