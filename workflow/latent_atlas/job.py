"""What surrounds the work of every rule's script."""

import errno
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from latent_atlas import interruption, memory
from latent_atlas.errors import InputError
from latent_atlas.files import (
    Files,
    flat,
    read_and_written,
    remove_unfinished,
    renamed,
    sha256_file,
    write_json,
)
from latent_atlas.gpu import take_gpu
from latent_atlas.processor import prepare_torch

REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
"""What the system says of a disk that is full, read-only or broken."""


@dataclass(frozen=True)
class Task:
    """A job's work, or a part of that of a job which takes a whole study. Files by name."""

    rule: str
    wildcards: dict[str, str]
    spec: dict
    code: str
    input: Files
    output: Files

    @property
    def part(self) -> str:
        """Which one of those jobs that share an experiment's seeds or a sweep's points; empty for
        the one that puts them together."""
        return self.wildcards.get("part", "")


@contextmanager
def job(snakemake) -> Iterator[list[Task]]:
    """Log to the rule's log file and the screen. An InputError ends the job with its message alone,
    SIGTERM with `interruption.STATUS`; any other error leaves its traceback in the log. No two jobs
    do the same task at once. A job that ends well tells how long its work took, imports before it
    left out, and leaves a manifest of what each of its tasks was made from.
    """
    path = Path(snakemake.log[0])
    _log_to(path)
    memory.set_budget(snakemake.config["memory_budget_mib"])
    tasks, begin = tasks_of(snakemake), time.perf_counter()
    try:
        with interruption.heeded(), held(path, tasks):
            for file in (Path(file) for task in tasks for file in flat(task.output)):
                remove_unfinished(file.parent, file.name)
            yield tasks
        logging.info("%.2f s of work", time.perf_counter() - begin)
        hashed = cache(sha256_file)
        for task in tasks:
            write_json(manifest_path(path, task), manifest(task, hashed))
    except interruption.Interrupted:
        logging.error("asked to end: what is finished is kept, run the same command again to go on")
        sys.exit(interruption.STATUS)
    except InputError as error:
        logging.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in REFUSALS:
            logging.error("%s; make room or set the permissions, then run again", error)
            sys.exit(1)
        path.write_text(traceback.format_exc(), encoding="utf-8")
        raise


def _log_to(path: Path) -> None:
    """And to the screen; to that alone, which says why, where the file cannot be written."""
    logging.raiseExceptions = False
    screen = logging.StreamHandler()
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[screen], force=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        logging.getLogger().addHandler(logging.FileHandler(path, mode="w", encoding="utf-8"))
    except OSError as error:
        logging.error("%s: no log is written (%s)", path, error.strerror)


def tasks_of(snakemake) -> list[Task]:
    """Those of a batch (`Jobs.batches`), else one."""
    params = snakemake.params
    if hasattr(params, "tasks"):
        return _batched(params.tasks, snakemake)
    named = (snakemake.wildcards, snakemake.input, snakemake.output)
    wildcards, read, written = (dict(some.items()) for some in named)
    rule = _rule(snakemake.log[0])
    return [Task(rule, wildcards, params.spec, params.code, read, written)]


def _batched(tasks: list[dict], snakemake) -> list[Task]:
    """Files are named as Snakemake names them, elsewhere where jobs share no disk."""
    read, written = read_and_written(tasks)
    named = [*snakemake.input, *snakemake.output]
    here = dict(zip([*read, *written], named, strict=True))
    sides = ("input", "output")
    return [Task(**task | {side: renamed(task[side], here) for side in sides}) for task in tasks]


def _rule(log: str) -> str:
    """From `RESULTS/logs/RULE…`; a workflow that takes this one as a module may call it
    otherwise."""
    return Path(log.split("/logs/", 1)[1]).parts[0].removesuffix(".log")


@contextmanager
def held(log: Path, tasks: list[Task]) -> Iterator[None]:
    """Wait until no other process does any of the tasks: one that has outlived its Snakemake, or
    another Snakemake's in the same folder. The locks end with their process."""
    with ExitStack() as stack:
        for path in sorted(_named(log, "locks", task, ".lock") for task in tasks):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except Timeout:
                logging.warning("another process is at it: waiting until %s is free", path)
                stack.enter_context(lock.acquire())
        yield


def _named(log: Path, folder: str, task: Task, suffix: str) -> Path:
    """`results/FOLDER/RULE/…`, named by the wildcards, beside `results/logs/…`."""
    results = Path(str(log).split("/logs/", 1)[0])
    return results.joinpath(folder, task.rule, *task.wildcards.values()).with_suffix(suffix)


def manifest_path(log: Path, task: Task) -> Path:
    return _named(log, "manifests", task, ".json")


def manifest(task: Task, hashed: Callable[[str], str]) -> dict:
    """Everything that a task's outputs come from, and the hash of every file."""
    return {
        "rule": task.rule,
        "wildcards": task.wildcards,
        "spec": task.spec,
        "code": task.code,
        "inputs": {path: hashed(path) for path in flat(task.input)},
        "outputs": {path: hashed(path) for path in flat(task.output)},
    }


def torch_device(wanted: str, threads: int) -> str:
    """The device of a job, after `prepare_torch`; `wanted` "auto", "cpu" or "cuda". On a GPU the
    job is alone."""
    import torch

    prepare_torch(threads)
    if wanted == "cpu":
        return "cpu"
    if installed := torch.cuda.device_count():
        take_gpu(installed)
    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise InputError("key device: found 'cuda', but torch sees none here; use auto or cpu")
    return "cpu"
