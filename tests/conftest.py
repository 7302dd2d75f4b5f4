import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from scipy.io import savemat

from latent_atlas.config.loading import deep_merge
from latent_atlas.config.project import Project
from latent_atlas.datasets.fetch import MIRROR_VARIABLE
from latent_atlas.processor import prepare_torch

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("Snakefile", "config", "workflow", "profiles", "envs")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(autouse=True)
def as_in_jobs():
    """But for numbers below 1e-38, which Hypothesis wants to draw."""
    prepare_torch(1)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def published() -> Project:
    """The project at published scale."""
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    overlay = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    return Project(deep_merge(settings, overlay), ROOT)


@pytest.fixture
def mirror() -> Path:
    """The real data, where a mirror folder is set."""
    folder = os.environ.get(MIRROR_VARIABLE, "")
    if not Path(folder, "mnist").is_dir():
        pytest.skip(f"{MIRROR_VARIABLE} names no folder with real data")
    return Path(folder)


class Checkout:
    """A copy of the workflow in a folder of its own, to run and to break."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                skip = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, folder / name, ignore=skip)
            else:
                shutil.copy(source, folder / name)

    @classmethod
    def at(cls, folder: Path) -> "Checkout":
        """One that is there already."""
        checkout = object.__new__(cls)
        checkout.folder = folder
        return checkout

    def copy(self, folder: Path) -> "Checkout":
        """With everything that was made in it, times kept."""
        return Checkout.at(shutil.copytree(self.folder, folder))

    def edit(self, file: str, **changes) -> None:
        """Merge changes into a YAML file."""
        path = self.folder / file
        merged = deep_merge(yaml.safe_load(path.read_text()), changes)
        path.write_text(yaml.safe_dump(merged, sort_keys=False))

    def make_tiny(self) -> None:
        self.edit("config/config.yaml", feature_steps=10, job_takes="experiment")
        for study, changes in TINY_STUDIES.items():
            self.edit(f"config/studies/{study}.yaml", **changes)

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return self.python("snakemake", "--cores", "2", *arguments, **environment)

    def python(self, module: str, *arguments: str, **environment: str):
        """`python -m MODULE` in the checkout, without a mirror but a given one."""
        inherited = {k: v for k, v in os.environ.items() if k != MIRROR_VARIABLE}
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=inherited | {"PYTHONPATH": str(self.folder / "workflow")} | environment,
            capture_output=True,
            text=True,
            timeout=1200,
        )

    def files(self, pattern: str = "results/**/*") -> dict[str, str]:
        """Every file below results by content, but logs, benchmarks, searches' journals, and
        manifests and kept seeds, which tell of seconds."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.glob(pattern)
            if path.is_file()
            and not {"logs", "benchmarks", "manifests", "seeds"} & set(path.parts)
            and not path.name.startswith("journal-")
        }


TINY_STUDY = {
    "small": {
        "train": 40,
        "test": 30,
        "epochs_factor": 0.01,
        "experiments": ["ad", "ad-coded", "vad-gaussian", "vad-coded-uniform"],
    }
}
TINY_STUDIES = {
    "auto_decoder": TINY_STUDY,
    "tuned_autoencoder": {
        "small": {
            "train": 60,
            "test": 40,
            "epochs_factor": 0.05,
            "batch_size": 16,
            "trials": 3,
            "experiments": ["ae-tuned", "ae-here", "ae-search", "cl", "cnn-augmented"],
        }
    },
    "generative_families": {
        "small": {
            "train": 40,
            "test": 30,
            "epochs_factor": 0.1,
            "batch_size": 16,
            "experiments": ["gan-mnist-coded", "vae-butterfly-short"],
        }
    },
    "noise_robustness": {
        "small": {
            "train": 40,
            "test": 30,
            "epochs_factor": 0.1,
            "experiments": ["fnn", "cnn", "fnn-sizes", "fnn-grid"],
        },
    },
    "colour_images": {
        "defaults": {"training": {"learning_rate": 0.001}},
        "small": {
            "train": 40,
            "test": 30,
            "epochs_factor": 0.5,
            "experiments": ["simple-mnist-sum", "high-cifar"],
        },
    },
}
TINY_RUNS = {name for study in TINY_STUDIES.values() for name in study["small"]["experiments"]}


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path / "atlas")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Checkout:
    """A tiny run of the whole pipeline, made once for all of pytest's processes; do not change
    it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if folder.exists():
            return Checkout.at(folder)
        unfinished = shared / "unfinished"
        if unfinished.exists():
            pytest.fail(f"the tiny run failed in an earlier test, which says why: {unfinished}")
        checkout = Checkout(unfinished)
        checkout.make_tiny()
        checkout.edit("config/config.yaml", seeds=2)
        run = checkout.snakemake()
        assert run.returncode == 0, run.stderr
        checkout.folder.rename(folder)
    return Checkout.at(folder)


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """The finished run with what the examples of help and documents name."""
    copied = finished.copy(tmp_path_factory.mktemp("commands") / "atlas")
    shutil.copytree(ROOT / "recorded", copied.folder / "recorded")
    for name in ("results-5", "results-paper"):
        (copied.folder / name).mkdir()
        shutil.copy(copied.folder / "results/claims.parquet", copied.folder / name)
    images = np.random.default_rng(0).integers(0, 255, (7, 784), dtype=np.uint8)
    savemat(copied.folder / "MNIST.mat", {"input_images": images})
    return copied


@pytest.fixture
def tiny(finished, tmp_path) -> Checkout:
    """A copy of the finished tiny run, times kept, to be changed at will."""
    return finished.copy(tmp_path / "atlas")


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def idx_mirror(tmp_path):
    """A mirror of a 12 + 6 image data set `tiny`, and the data set's configuration."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mirror" / "tiny"
    folder.mkdir(parents=True)
    files = {}
    for split, n in (("train", 12), ("test", 6)):
        payloads = {
            "images": idx_bytes(rng.integers(0, 256, (n, 28, 28))),
            "labels": idx_bytes(np.arange(n) % 3),
        }
        for role, payload in payloads.items():
            name = f"{split}-{role}.gz"
            (folder / name).write_bytes(gzip.compress(payload))
            files[f"{split}_{role}"] = {
                "name": name,
                "sha256": hashlib.sha256(payload).hexdigest(),
            }
    config = {
        "id": "tiny",
        "title": "Tiny",
        "licence": "none",
        "source": {
            "kind": "idx",
            "folder": "tiny",
            "addresses": ["http://127.0.0.1:9/nowhere"],
            "files": files,
        },
        "shape": [1, 28, 28],
        "classes": ["a", "b", "c"],
        "sizes": {"train": 12, "test": 6},
    }
    return folder.parent, config
