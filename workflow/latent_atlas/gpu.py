"""A GPU for each job of a machine that has several."""

import getpass
import logging
import os
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 1.0
_taken: list[FileLock] = []
"""Held until the process ends, however it ends: the system lets go of them."""


def take_gpu(installed: int) -> None:
    """Let this process see one GPU that no other job of the same person's sees, waiting until there
    is one; of those that CUDA_VISIBLE_DEVICES names, else of all that are `installed`. To be called
    before CUDA starts. A variable that names one GPU, as a cluster's does, is left as it is."""
    named = [name.strip() for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    if _taken or len(named) == 1:
        return
    waiting = False
    while not (name := _free(named or [str(number) for number in range(installed)])):
        if not waiting:
            logging.info("every GPU has its job: waiting for one")
        waiting = True
        time.sleep(POLL_SECONDS)
    os.environ[VISIBLE] = name
    logging.info("on GPU %s", name)


def _free(names: list[str]) -> str | None:
    folder = Path(tempfile.gettempdir(), f"latent-atlas-gpus-{getpass.getuser()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        lock = FileLock(folder / f"{name.replace('/', '-')}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _taken.append(lock)
        return name
    return None
