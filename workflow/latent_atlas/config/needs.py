"""What a job asks of a cluster: minutes, MB and GPUs, by the size of what it works on.

The constants are the largest that were measured on one core at published scale, by
`recorded/*/costs.parquet` and Snakemake's benchmarks of the same runs, rounded up. A limit that is
too low ends a job: minutes are three times the estimate and ten more, memory half as much again,
and another attempt gets twice, three times… that.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.networks import CONV_SHAPE
from latent_atlas.config.project import Project
from latent_atlas.config.runs import Run
from latent_atlas.config.searches import Search
from latent_atlas.config.sweeps import Sweep

Named = tuple[str, Mapping[str, str]]
"""A job's rule and wildcards."""
MINUTES, FACTOR, MARGIN = 10, 3, 1.5
BASE_MB = 800
"""torch and the rest of the package."""
FIXED = {
    "dataset": (1, 1000),
    "features": (8, 1300),
    "quality": (2, 1300),
    "embed": (2, 400),
    "collect": (1, 400),
    "judge": (1, 800),
    "figure": (1, 400),
    "provenance": (1, 300),
    "page": (1, 800),
    "salvage": (1, 800),
    "explorer": (1, 800),
    "archive": (1, 500),
    "record": (1, 500),
}
"""Estimated minutes and MB of rules that train and measure nothing."""
ON_GPU = {
    "train",
    "train_part",
    "classify",
    "search",
    "sweep",
    "sweep_part",
    "latents",
    "evaluate",
}


@dataclass(frozen=True)
class Cost:
    """`microseconds` of training an image once, for each seed, at 28×28 where a family takes other
    sizes too; `mb` for each seed beside images."""

    microseconds: float
    mb: float = 50.0


FAMILIES = {
    "auto-decoder": Cost(140),
    "variational-auto-decoder": Cost(160),
    "mlp-autoencoder": Cost(160),
    "mlp-vae": Cost(200),
    "mlp-gan": Cost(400),
    "conv-autoencoder": Cost(200),
    "conv-vae": Cost(200),
    "image-autoencoder": Cost(1600, 200),
    "image-vae": Cost(2100, 200),
    "pool-vae": Cost(1900, 700),
    "gan": Cost(8700, 400),
    "own-autoencoder": Cost(2000, 400),
    "own-vae": Cost(2000, 400),
    "encoder": Cost(60),
    "cnn": Cost(4500, 600),
}
"""And the kinds of classifiers."""

FROZEN = 0.25
"""Of a step of training: one that looks for codes only, or a draw of the importance-sampled bound.
"""
STEP = 4
"""Images that take as long as what every step of training does besides, whatever its batch."""
BYTES = 8
"""In memory, of an image's pixel."""


class Needs:
    """By rule and wildcards."""

    def __init__(self, project: Project):
        self.project = project

    def of(self, rule: str) -> dict:
        """A rule's resources, as functions of its wildcards and the attempt."""
        return self._of([rule], lambda wildcards: [(rule, wildcards)])

    def together(self, jobs: list[Named]) -> dict:
        """Those of one job that does what several would."""
        return self._of([rule for rule, _ in jobs], lambda wildcards: jobs)

    def _of(self, rules: list[str], jobs: Callable[[Mapping[str, str]], list[Named]]) -> dict:
        return {
            "mem_mb": lambda wildcards, attempt: self.mem_mb(jobs(wildcards), attempt),
            "runtime": lambda wildcards, attempt: self.runtime(jobs(wildcards), attempt),
            "gpu": int(self.project.settings.device != "cpu" and not ON_GPU.isdisjoint(rules)),
        }

    def runtime(self, jobs: list[Named], attempt: int = 1) -> int:
        """Minutes, one after the other."""
        estimated = sum(self._minutes(rule, dict(w.items())) for rule, w in jobs)
        return attempt * round(MINUTES + FACTOR * estimated)

    def mem_mb(self, jobs: list[Named], attempt: int = 1) -> int:
        return attempt * round(MARGIN * max(self._mb(rule, dict(w.items())) for rule, w in jobs))

    def _minutes(self, rule: str, wildcards: dict[str, str]) -> float:
        if rule in FIXED:
            return FIXED[rule][0]
        run, base = self._run(wildcards)
        images = self.images(base, "test" if rule == "evaluate" else "train")
        if rule == "latents" and base.latents:
            images = min(images, base.latents.images or images)
        size = max(1, self._pixels(base) / math.prod(CONV_SHAPE))
        passes = self._passes(rule, run, base) * self._members(rule, run, wildcards)
        return images * passes * _cost(base).microseconds * size / 60e6

    def _passes(self, rule: str, run: Run, base: Run) -> float:
        """How often as much is done for an image as when it is trained on once, for each that is
        trained."""
        if rule == "latents":
            return FROZEN * base.latents.steps if base.latents else 1
        if rule == "evaluate":
            battery = self.project.settings.battery
            return FROZEN * (battery.refine_steps + battery.importance_samples)
        epochs = getattr(run, "epochs", None) or base.epochs
        batch = base.batch_size if isinstance(base, Classifier) else base.training.batch_size
        return epochs * (1 + STEP / batch)

    def _members(self, rule: str, run: Run, wildcards: dict[str, str]) -> int:
        """How many trials, seeds, or seeds of points the job has to do with."""
        if isinstance(run, Search):
            return run.trials
        if isinstance(run, Classifier):
            return len(self.project.seeds_of(run.id))
        parts = self.project.parts_of(run.id)
        if "part" in wildcards:
            return len(parts[int(wildcards["part"])])
        by_others = bool(parts) and rule in ("train", "sweep")
        return 0 if by_others else len(self.project.members_of(run.id))

    def _mb(self, rule: str, wildcards: dict[str, str]) -> float:
        if rule in FIXED:
            return FIXED[rule][1]
        run, base = self._run(wildcards)
        images = BYTES * self.images(base, "train") * self._pixels(base) / 1e6
        members = self._members(rule, run, wildcards)
        together = min(members, self.project.settings.max_seeds_per_job)
        return BASE_MB + images + _cost(base).mb * (1 if isinstance(run, Search) else together)

    def _run(self, wildcards: dict[str, str]) -> tuple[Run, Run]:
        """What is run, and what is trained for it."""
        run = self.project.resolved[next(iter(wildcards.values()))]
        return run, self.project.resolved[run.base] if isinstance(run, Search | Sweep) else run

    def images(self, base: Run, split: str) -> int:
        """Of a split, noisy copies with them."""
        sizes = self.project.datasets[base.dataset].sizes
        count = getattr(base.subset, split) if base.subset else sizes[split]
        augmentation = getattr(base, "augmentation", None)
        return count * (1 + len(augmentation.noise)) if augmentation else count

    def _pixels(self, base: Run) -> int:
        return math.prod(self.project.datasets[base.dataset].shape)


def _cost(run: Run) -> Cost:
    return FAMILIES[run.model.kind if isinstance(run, Classifier) else run.model.family]
