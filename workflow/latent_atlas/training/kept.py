"""Seeds that are trained already are kept, so that more of them train only the new ones."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

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
Make = Callable[[list[int]], tuple[list[Tensors], list[dict]]]


@dataclass
class KeptSeeds:
    """What training left of each seed, in `folder`; a seed's file is named by the hash of
    everything that decides its content, `facts` and what `of_seed` adds to them."""

    folder: Path
    facts: dict
    of_seed: Callable[[int], str] = lambda seed: ""

    def trained(self, seeds: list[int], make: Make) -> tuple[list[Tensors], pd.DataFrame]:
        """The tensors of each seed, and what training them cost, a row for each time; `make` trains
        those that are not kept together and gives tensors and rows."""
        remove_unfinished(self.folder)
        kept = {seed: self._read(seed) for seed in seeds}
        missing = [seed for seed in seeds if kept[seed] is None]
        if missing:
            others = [seed for seed in seeds if seed not in missing]
            logging.info("training seeds %s; kept: %s", missing, others or "none")
            made, costs = in_halves(make, missing)
            for seed, tensors in zip(missing, made, strict=True):
                write_tensors(self._path(seed), tensors, costs=costs)
                self._remove_others(seed)
                kept[seed] = (tensors, costs)
        rows = [row for _, costs in kept.values() for row in costs]
        return [kept[seed][0] for seed in seeds], pd.DataFrame(rows).drop_duplicates()

    def _read(self, seed: int) -> tuple[Tensors, list[dict]] | None:
        path = self._path(seed)
        if not path.exists():
            return None
        try:
            return read_tensors(path), read_tensor_metadata(path)["costs"]
        except InputError as error:
            logging.warning("%s; seed %d is trained again", error, seed)
            return None

    def _path(self, seed: int) -> Path:
        key = sha256_json(self.facts | {"seed": seed, "more": self.of_seed(seed)})[:16]
        return self.folder / f"{seed}-{key}.safetensors"

    def _remove_others(self, seed: int) -> None:
        for path in self.folder.glob(f"{seed}-*.safetensors"):
            if path != self._path(seed):
                path.unlink()


def in_halves(make: Make, seeds: list[int]) -> tuple[list[Tensors], list[dict]]:
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
