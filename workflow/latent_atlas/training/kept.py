"""Seeds that are trained already are kept, so that more of them train only the new ones."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from latent_atlas.config.stacks import Member
from latent_atlas.errors import InputError
from latent_atlas.files import (
    read_tensor_metadata,
    read_tensors,
    remove_unfinished,
    sha256_json,
    write_tensors,
)

DIVERGED = "diverged"
Tensors = dict[str, np.ndarray]
Make = Callable[[list[Member]], tuple[list[Tensors], list[dict]]]
Stacks = Callable[[list[Member]], list[list[Member]]]


@dataclass
class KeptSeeds:
    """What training left of each seed, or of each seed at each point of a sweep, in `folder`; the
    file of such a member is named by the hash of everything that decides its content, `facts` and
    what `of_member` adds to them."""

    folder: Path
    facts: dict
    of_member: Callable[[Member], object] = lambda member: ""

    def trained(
        self, members: list[Member], make: Make, stacks: Stacks = lambda missing: [missing]
    ) -> tuple[list[Tensors], pd.DataFrame]:
        """The tensors of each, and what training them cost, a row for each time; `make` trains
        together those of a stack that are not kept, and gives tensors and rows."""
        paths = [self._path(member) for member in members]
        kept = {path: self._read(path) for path in paths}
        missing = [m for m, path in zip(members, paths, strict=True) if kept[path] is None]
        if missing:
            others = [m for m, path in zip(members, paths, strict=True) if kept[path] is not None]
            logging.info("training seeds %s; kept: %s", missing, others or "none")
        for stack in stacks(missing) if missing else []:
            made, costs = in_halves(make, stack)
            for path, tensors in zip(map(self._path, stack), made, strict=True):
                write_tensors(path, tensors, costs=costs)
                _remove_others(path)
                kept[path] = (tensors, costs)
        rows = [row for _, costs in kept.values() for row in costs]
        return [kept[path][0] for path in paths], pd.DataFrame(rows).drop_duplicates()

    def _path(self, member: Member) -> Path:
        *point, seed = member if isinstance(member, list) else [member]
        key = sha256_json(self.facts | {"seed": seed, "more": self.of_member(member)})[:16]
        return self.folder.joinpath(*point, f"{seed}-{key}.safetensors")

    def _read(self, path: Path) -> tuple[Tensors, list[dict]] | None:
        remove_unfinished(path.parent, _seed(path))
        if not path.exists():
            return None
        try:
            return read_tensors(path), read_tensor_metadata(path)["costs"]
        except InputError as error:
            logging.warning("%s; it is trained again", error)
            return None


def _seed(path: Path) -> str:
    """How the names of one seed's files begin."""
    return f"{path.name.partition('-')[0]}-"


def _remove_others(kept: Path) -> None:
    for path in kept.parent.glob(f"{_seed(kept)}*.safetensors"):
        if path != kept:
            path.unlink()


def in_halves(make: Make, seeds: list[Member]) -> tuple[list[Tensors], list[dict]]:
    """`make(seeds)`; where the GPU's memory does not hold these together, its halves one after the
    other. A seed does not depend on those beside it. Raises InputError where one does not fit."""
    try:
        return make(seeds)
    except torch.cuda.OutOfMemoryError as error:
        if len(seeds) == 1:
            raise InputError(
                f"seed {seeds[0]} alone does not fit into the GPU's memory ({error}); "
                "lower batch_size in the study's configuration, or run with device: cpu"
            ) from None
    torch.cuda.empty_cache()
    half = len(seeds) // 2
    logging.warning("the GPU's memory does not hold seeds %s together: training halves", seeds)
    halves = [in_halves(make, some) for some in (seeds[:half], seeds[half:])]
    return [part for parts, _ in halves for part in parts], [c for _, cs in halves for c in cs]


def living(
    run: str, seeds: list[int], parts: list[Tensors], costs: pd.DataFrame, folder: Path
) -> tuple[list[int], list[Tensors]]:
    """The seeds that have not diverged, and what is kept of them; `folder` holds that of all.
    Raises InputError where there is none."""
    found = [pair for pair in zip(seeds, parts, strict=True) if DIVERGED not in pair[1]]
    if len(found) < len(seeds):
        told = "; ".join(filter(None, costs[DIVERGED]))
        message = f"{run} diverged: {told}; weights as of then in {folder}"
        if not found:
            raise InputError(
                f"{message}; no seed is left: lower the learning rate in the study's configuration"
            )
        logging.warning("%s; the other seeds go on", message)
    return [seed for seed, _ in found], [part for _, part in found]


def stacked(parts: list[Tensors], prefix: str = "") -> Tensors:
    """[S,…] of every tensor whose name starts with `prefix`, by the rest of its name."""
    names = [name for name in parts[0] if name.startswith(prefix)]
    return {name.removeprefix(prefix): np.stack([part[name] for part in parts]) for name in names}
