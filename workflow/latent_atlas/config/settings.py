"""The keys of `config/config.yaml`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from latent_atlas.config.base import Config, Count, Id, Positive
from latent_atlas.config.battery import BatterySettings


def _seeds(value: object) -> object:
    """A count or a list; Snakemake's command line gives a list's numbers as text."""
    listed = value if isinstance(value, list) else [value]
    listed = [int(seed) if isinstance(seed, str) and seed.isdigit() else seed for seed in listed]
    lowest = 0 if isinstance(value, list) else 1
    if not listed or any(type(seed) is not int or seed < lowest for seed in listed):
        raise ValueError("allowed: a count from 1 (5) or a list of numbers from 0 ([0, 1, 2])")
    if len(set(listed)) != len(listed):
        raise ValueError("a seed stands twice in the list: remove it")
    return listed if isinstance(value, list) else listed[0]


Seeds = Annotated[int | list[int], BeforeValidator(_seeds)]


def _folder(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts or path in ("", "."):
        raise ValueError("must be a folder below the project, such as 'results'")
    return path


class Settings(Config):
    """`config/config.yaml`, overlaid by `--configfile` and `--config`."""

    results: Annotated[str, AfterValidator(_folder)] = Field(
        description="root folder of everything a run writes"
    )
    scale: Literal["small", "published"] = Field(
        description="small: each study's `small` section on embedded data; published: as the study"
    )
    seeds: Seeds = Field(description="a count n (seeds 0…n−1) or a list of seeds")
    studies: list[Id] = Field(min_length=1, description="files of config/studies to run")
    only: list[Id] | None = Field(
        default=None,
        description="run nothing else of the studies than these experiments, classifiers, "
        "searches and sweeps",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        description="auto: cuda where there is one, else cpu"
    )
    training_threads: Count = Field(description="threads of one training or evaluation job")
    job_takes: Literal["experiment", "study"] = Field(
        description="study: one job trains and encodes, maps, or measures all experiments of a "
        "study, one trains all its classifiers or draws all its figures; a job takes seconds "
        "before it does anything"
    )
    max_seeds_per_job: Count = Field(
        description="seeds that are trained together at the most, or seeds of points of a sweep "
        "where these are of equal shape; more are trained in turn, or by further jobs"
    )
    max_jobs: Count = Field(
        description="jobs at the most that share the seeds of one experiment or the points of one "
        "sweep; more than 1 needs job_takes experiment"
    )
    checkpoint_minutes: Positive = Field(
        description="minutes between two states of a training, a search for codes or a classifier "
        "under way, from which it goes on after it was stopped"
    )
    memory_budget_mib: Positive = Field(
        description="an array over it lies in a file, whose pages the system may drop"
    )
    battery: BatterySettings = Field(description="how much of the battery is measured")
    own_metrics: list[str] = Field(
        default=[],
        description="Python files, from the project's folder, whose functions measure every model "
        "beside the battery: own_NAME",
    )
    feature_steps: Count = Field(
        description="batches of 128 that train the classifier whose features measure samples"
    )
    container: str | None = Field(
        default=None,
        description="image in which jobs run with --sdm apptainer, such as docker://NAME or "
        "latent-atlas.sif",
    )
    data_mirror: str | None = Field(
        description="folder or address tried first for downloads; the environment's "
        "LATENT_ATLAS_MIRROR goes before it"
    )

    @property
    def seed_list(self) -> list[int]:
        return self.seeds if isinstance(self.seeds, list) else list(range(self.seeds))
