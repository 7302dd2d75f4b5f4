"""One contender in one process: warm up, say that it is ready, wait for the word, work, say that it
is done. `python -m benchmarks.worker CASE WAY SEEDS THREADS DEVICE`."""

import os
import sys
from functools import partial

from benchmarks import ours, rivals
from benchmarks.cases import CASES
from benchmarks.data import WAYS
from benchmarks.ours import Work
from latent_atlas.processor import prepare_torch


def prepared(name: str, way: str, seeds: int, threads: int, device: str) -> tuple[Work, Work]:
    """Warm-up and the work itself."""
    import torch

    torch.set_num_threads(threads)
    if name in WAYS:
        return WAYS[name][way]()
    case = CASES[name]
    if way == "ours":
        prepare_torch(threads)
        return ours.training(case, seeds, device) if case.epochs else ours.latents(case, seeds)
    ways = {
        "pictures": partial(rivals.loop, data=rivals.Pictures, device=device),
        "tensors": partial(rivals.loop, data=rivals.tensors, device=device),
        "pythae": rivals.pythae,
        "lightning": rivals.lightning,
        "authors": rivals.authors_latents,
    }
    return ways[way](case)


def main() -> None:
    case, way, seeds, threads, device = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warm_up, work = prepared(case, way, int(seeds), int(threads), device)
    warm_up()
    print("ready", file=answers, flush=True)
    sys.stdin.readline()
    work()
    print("done", file=answers, flush=True)


if __name__ == "__main__":
    main()
