"""What surrounds the work of every rule's script."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latent_atlas.errors import InputError


@contextmanager
def job(log_file: str) -> Iterator[None]:
    """Log to `log_file` and the screen. An InputError ends the job with its message alone;
    any other error leaves its traceback in the log."""
    path = Path(log_file)
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
