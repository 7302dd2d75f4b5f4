"""The whole configuration, resolved and checked: what the Snakefile and every stage work from."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from latent_atlas.config.base import Config, Count, Id, nearest
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.loading import deep_merge, load_yaml, validated
from latent_atlas.config.studies import Figure, StudyConfig
from latent_atlas.errors import InputError
from latent_atlas.files import sha256_json


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
    device: Literal["auto", "cpu", "cuda"] = Field(
        description="auto: cuda where there is one, else cpu"
    )
    training_threads: Count = Field(description="threads of one training or evaluation job")
    data_mirror: str | None = Field(
        description="folder or address tried first for downloads; the environment's "
        "LATENT_ATLAS_MIRROR goes before it"
    )

    @property
    def seed_list(self) -> list[int]:
        return self.seeds if isinstance(self.seeds, list) else list(range(self.seeds))


class Project:
    """Settings, data sets, studies and resolved experiments, cross-checked.

    `root` is the repository's folder. Raises InputError for anything not allowed.
    """

    def __init__(self, settings: dict, root: str | Path = ".", where: str = "config/config.yaml"):
        self.root = Path(root)
        self.raw_settings = settings
        self.settings: Settings = validated(Settings, settings, where)
        self.datasets: dict[str, DatasetConfig] = {
            path.stem: self._load(DatasetConfig, path)
            for path in sorted((self.root / "config/datasets").glob("*.yaml"))
        }
        available = sorted(path.stem for path in (self.root / "config/studies").glob("*.yaml"))
        for study in self.settings.studies:
            if study not in available:
                raise InputError(
                    f"{where}: key studies: unknown study {study!r}; {nearest(study, available)}"
                )
        self.studies: dict[str, StudyConfig] = {
            study: self._load(StudyConfig, self.root / f"config/studies/{study}.yaml")
            for study in self.settings.studies
        }
        self.experiments: dict[str, Experiment] = {}
        self.declared: dict[str, Experiment] = {}
        for study in self.studies.values():
            self._resolve(study)

    def _load(self, model: type[Config], path: Path) -> Any:
        where = str(path.relative_to(self.root))
        loaded = validated(model, load_yaml(path, where), where)
        if loaded.id != path.stem:
            raise InputError(
                f"{where}: key id: found {loaded.id!r}, must equal the file's name {path.stem!r}"
            )
        return loaded

    def _resolve(self, study: StudyConfig) -> None:
        """Merge defaults into each experiment, shrink at small scale, check cross-references."""
        where = f"config/studies/{study.id}.yaml"
        self._known("dataset", study.dataset, self.datasets, where)
        self._known("small.dataset", study.small.dataset, self.datasets, where)
        for name in study.small.experiments:
            self._known("small.experiments", name, study.experiments, where)
        for name, own in study.experiments.items():
            merged = {"dataset": study.dataset} | deep_merge(study.defaults, own) | {"id": name}
            declared = validated(Experiment, merged, f"{where}: experiments.{name}")
            self._known(f"experiments.{name}.dataset", declared.dataset, self.datasets, where)
            if name in self.declared:
                raise InputError(f"{where}: key experiments.{name}: another study has this id")
            self.declared[name] = declared
            if self.settings.scale == "published":
                self.experiments[name] = self._fits(declared, where)
            elif name in study.small.experiments:
                small = self._shrunk(merged, study)
                self.experiments[name] = self._fits(
                    validated(Experiment, small, f"{where}: experiments.{name} (small)"), where
                )
        for claim in study.claims:
            for experiment in claim_experiments(claim):
                self._known(f"claims.{claim.id}", experiment, study.experiments, where)
            if claim.kind == "number":
                self._known(
                    f"claims.{claim.id}.tolerance", claim.tolerance, study.tolerances, where
                )
        for figure in study.figures:
            for experiment in getattr(figure, "experiments", []):
                self._known(f"figures.{figure.id}", experiment, study.experiments, where)

    def _known(self, key: str, found: str, allowed, where: str) -> None:
        if found not in allowed:
            raise InputError(f"{where}: key {key}: unknown {found!r}; {nearest(found, allowed)}")

    def _shrunk(self, merged: dict, study: StudyConfig) -> dict:
        small = study.small
        epochs = max(1, round(merged["training"]["epochs"] * small.epochs_factor))
        changes = {
            "dataset": small.dataset,
            "training": {"epochs": epochs},
            "subset": {"train": small.train, "test": small.test},
        }
        if merged.get("stepped_epochs"):
            changes["stepped_epochs"] = max(
                1, round(merged["stepped_epochs"] * small.epochs_factor)
            )
        return deep_merge(merged, changes)

    def _fits(self, experiment: Experiment, where: str) -> Experiment:
        sizes = self.datasets[experiment.dataset].sizes
        for split in ("train", "test") if experiment.subset else ():
            wanted = getattr(experiment.subset, split)
            if wanted > sizes[split]:
                raise InputError(
                    f"{where}: key experiments.{experiment.id}.subset.{split}: found {wanted}; "
                    f"{experiment.dataset} has {sizes[split]} images there: lower it"
                )
        return experiment

    def seeds_of(self, experiment: str) -> list[int]:
        limit = self.experiments[experiment].seeds
        return self.settings.seed_list[:limit]

    def spec(self, experiment: str) -> dict:
        """Everything that decides an experiment's results, as plain JSON values."""
        resolved = self.experiments[experiment]
        return {
            "experiment": resolved.model_dump(),
            "seeds": self.seeds_of(experiment),
            "dataset": self.datasets[resolved.dataset].model_dump(),
            "device": self.settings.device,
        }

    def figure(self, study: str, figure: str) -> Figure:
        return next(f for f in self.studies[study].figures if f.id == figure)

    def figure_experiments(self, study: str, figure: str) -> list[str]:
        """Experiments of a figure that this run trains; none for a figure of claims."""
        declared = getattr(self.figure(study, figure), "experiments", [])
        return [name for name in declared if name in self.experiments]

    def drawable(self, study: str) -> list[str]:
        """Figures for which this run trains enough experiments."""
        fewest = {"numbers": 0, "search": 2}
        return [
            figure.id
            for figure in self.studies[study].figures
            if len(self.figure_experiments(study, figure.id)) >= fewest.get(figure.kind, 1)
        ]

    def figure_spec(self, study: str, figure: str) -> dict:
        """Everything but data that decides how a figure looks."""
        experiments = self.figure_experiments(study, figure)
        file = f"{self.settings.results}/figures/{study}/{figure}.png"
        return {
            "figure": self.figure(study, figure).model_dump(),
            "study": study,
            "command": f"snakemake --cores 1 {file}{self.overlay}",
            "experiments": {name: self.experiments[name].model_dump() for name in experiments},
            "classes": {
                name: self.datasets[self.experiments[name].dataset].classes for name in experiments
            },
        }

    @property
    def overlay(self) -> str:
        """What a command needs to name this scale."""
        return " --configfile config/paper.yaml" if self.settings.scale == "published" else ""

    def published_scale(self, experiment: str) -> bool:
        """Whether the experiment runs exactly as the study declares it."""
        return self.experiments.get(experiment) == self.declared[experiment]

    def study_experiments(self, study: str) -> list[str]:
        return [name for name in self.studies[study].experiments if name in self.experiments]

    @cached_property
    def used_datasets(self) -> list[str]:
        return sorted({experiment.dataset for experiment in self.experiments.values()})

    @cached_property
    def hash(self) -> str:
        """Of everything that decides results, whatever the results folder, device or mirror."""
        return sha256_json(
            {
                "experiments": {n: e.model_dump() for n, e in sorted(self.experiments.items())},
                "seeds": self.settings.seed_list,
                "studies": {n: s.model_dump() for n, s in sorted(self.studies.items())},
                "datasets": {n: self.datasets[n].model_dump() for n in self.used_datasets},
            }
        )


def claim_experiments(claim) -> list[str]:
    """Every experiment a claim's rows read."""
    if claim.kind == "ordering":
        return [m.experiment for pair in claim.variants for m in (pair.lower, pair.higher)]
    if claim.kind == "unit":
        return [claim.claimed.experiment, claim.rival.experiment]
    return [name for variants in claim.variants for name in variants.experiments]
