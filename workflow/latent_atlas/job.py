"""What surrounds the work of every rule's script."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latent_atlas.errors import InputError
from latent_atlas.files import sha256_file, write_json


@contextmanager
def job(snakemake) -> Iterator[None]:
    """Log to the rule's log file and the screen. An InputError ends the job with its message alone;
    any other error leaves its traceback in the log. A job that ends well leaves a manifest of what
    it was made from."""
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    handlers = [logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler()]
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers, force=True)
    try:
        yield
    except InputError as error:
        logging.error("%s", error)
        sys.exit(1)
    except Exception:
        path.write_text(traceback.format_exc(), encoding="utf-8")
        raise
    write_json(manifest_path(path), manifest(snakemake))


def manifest_path(log: Path) -> Path:
    """`results/logs/RULE/….log` → `results/manifests/RULE/….json`."""
    return Path(str(log).replace("/logs/", "/manifests/", 1)).with_suffix(".json")


def manifest(snakemake) -> dict:
    """Everything that a job's outputs come from, and the hash of every file."""
    return {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "spec": snakemake.params.spec,
        "code": snakemake.params.code,
        "inputs": {path: sha256_file(path) for path in snakemake.input},
        "outputs": {path: sha256_file(path) for path in snakemake.output},
    }


def prepare_torch(threads: int) -> None:
    """Pin torch's threads; let the calling thread take numbers below 1e-38 for 0. A network whose
    weights decay towards 0 trains ten times slower where they are kept."""
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def torch_device(wanted: str, threads: int) -> str:
    """The device of a job, after `prepare_torch`; `wanted` "auto", "cpu" or "cuda"."""
    import torch

    prepare_torch(threads)
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("key device: found 'cuda', but torch sees none here; use auto or cpu")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted
