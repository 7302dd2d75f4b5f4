"""Work that goes on where another process stopped."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from latent_atlas import interruption
from latent_atlas.errors import InputError
from latent_atlas.files import read_tensors, sha256_json, write_tensors

State = dict[str, Tensor]
KEPT = 2


@runtime_checkable
class Resumable(Protocol):
    """What can be put into a file and back."""

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


class Checkpoints:
    """States of one piece of work, in `folder`, written every `minutes`, when the process is asked
    to end and when the work is done; the last two are kept.

    They are named by the hash of `facts`, everything that decides the outcome, so that a state of
    other work is never taken.
    """

    def __init__(self, folder: Path, facts: dict, minutes: float):
        self.folder, self.seconds = folder, 60 * minutes
        self.key = sha256_json(facts)[:16]
        self.last = time.monotonic()

    def load(self) -> State | None:
        """The newest that is whole; one that is not is set aside."""
        for path in reversed(self._written()):
            try:
                state = read_tensors(path)
            except InputError as error:
                aside = path.with_suffix(".damaged")
                path.replace(aside)
                logging.warning("%s; set aside as %s", error, aside)
                continue
            logging.info("going on from %s", path)
            return {name: torch.from_numpy(array) for name, array in state.items()}
        return None

    def after_step(self, state: Callable[[], State]) -> None:
        """Save what `state` gives where it is time to. Raises Interrupted, the state saved, where
        the process was asked to end."""
        asked = interruption.asked()
        if asked or time.monotonic() - self.last >= self.seconds:
            self.save(state())
        if asked:
            raise interruption.Interrupted

    def save(self, state: State) -> None:
        written = self._written()
        number = int(written[-1].stem.rpartition("-")[2]) + 1 if written else 1
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
        write_tensors(self.folder / f"{self.key}-{number:06d}.safetensors", arrays)
        for path in written[: 1 - KEPT]:
            path.unlink()
        self.last = time.monotonic()

    def _written(self) -> list[Path]:
        """From the oldest to the newest."""
        return sorted(self.folder.glob(f"{self.key}-*.safetensors"))


@dataclass(frozen=True)
class Unfinished:
    """Where a job keeps the states of its work, and `facts` that decide the outcome of all of
    it."""

    folder: Path
    facts: dict
    minutes: float

    def part(self, **facts: object) -> Checkpoints:
        """Of a piece of work, which these facts tell from the others."""
        return Checkpoints(self.folder, self.facts | facts, self.minutes)

    def clear(self) -> None:
        """The job's outputs are written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def prefixed(name: str, state: Mapping[str, Tensor]) -> State:
    return {f"{name}.{key}": tensor for key, tensor in state.items()}


def under(name: str, state: Mapping[str, Tensor]) -> State:
    """What `prefixed` was given."""
    start = f"{name}."
    return {key.removeprefix(start): t for key, t in state.items() if key.startswith(start)}
