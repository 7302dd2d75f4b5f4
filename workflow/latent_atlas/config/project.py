"""The whole configuration, resolved and checked: what the Snakefile and every stage work from."""

from functools import cached_property
from pathlib import Path
from typing import Any

from latent_atlas.config.base import Config, nearest
from latent_atlas.config.checks import (
    check_figure,
    check_images,
    check_known,
    check_own_files,
    check_search,
    check_sweep,
)
from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.loading import configuration_root, deep_merge, load_yaml, validated
from latent_atlas.config.metrics import OWN
from latent_atlas.config.own import metric_functions
from latent_atlas.config.runs import Run, claim_metrics, claim_runs, references, shrunk, study_runs
from latent_atlas.config.searches import Search
from latent_atlas.config.settings import Settings
from latent_atlas.config.stacks import Member, dealt, stacks_of
from latent_atlas.config.studies import Figure, StudyConfig
from latent_atlas.config.sweeps import Sweep
from latent_atlas.errors import InputError
from latent_atlas.files import sha256_json

FIGURE_RUNS = {
    "confusion": "classifiers",
    "trials": "searches",
    "sweep": "sweeps",
    "grid": "sweeps",
}


class Project:
    """Settings, data sets, studies and resolved experiments, cross-checked.

    `root` is the folder of `config/`, by default `configuration_root`. Raises InputError for
    anything not allowed.
    """

    def __init__(
        self, settings: dict, root: str | Path | None = None, where: str = "config/config.yaml"
    ):
        self.root, self.where = Path(root or configuration_root()), where
        self.raw_settings = settings
        self.settings: Settings = validated(Settings, settings, where)
        if self.settings.max_jobs > 1 and self.settings.job_takes == "study":
            raise InputError(
                f"{where}: key max_jobs: found {self.settings.max_jobs}, but one job takes a whole "
                "study: set job_takes to experiment, or max_jobs to 1"
            )
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
        self.own_metrics: dict[str, tuple[str, str]] = {}
        for file in self.settings.own_metrics:
            self.own_metrics |= metric_functions(self.root / file, where)
        self.declared: dict[str, Run] = {}
        self.resolved: dict[str, Run] = {}
        self.runs: dict[str, Run] = {}
        for name in self.settings.only or ():
            check_known("only", name, self._runnable(), where)
        for study in self.studies.values():
            self._resolve(study)

    def _runnable(self) -> list[str]:
        """Everything that the studies run at this scale."""
        published = self.settings.scale == "published"
        return [
            name
            for study in self.studies.values()
            for name in (study_runs(study) if published else study.small.experiments)
        ]

    def _load(self, model: type[Config], path: Path) -> Any:
        where = str(path.relative_to(self.root))
        loaded = validated(model, load_yaml(path, where), where)
        if loaded.id != path.stem:
            raise InputError(
                f"{where}: key id: found {loaded.id!r}, must equal the file's name {path.stem!r}"
            )
        return loaded

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        return self._of(Experiment)

    @cached_property
    def classifiers(self) -> dict[str, Classifier]:
        return self._of(Classifier)

    @cached_property
    def searches(self) -> dict[str, Search]:
        return self._of(Search)

    @cached_property
    def sweeps(self) -> dict[str, Sweep]:
        return self._of(Sweep)

    def _of(self, kind: type) -> dict:
        return {name: run for name, run in self.runs.items() if isinstance(run, kind)}

    def _resolve(self, study: StudyConfig) -> None:
        """Merge defaults into each run, shrink at small scale, check cross-references."""
        where = f"config/studies/{study.id}.yaml"
        check_known("dataset", study.dataset, self.datasets, where)
        for stand_in in (study.small.dataset, *study.small.other_datasets.values()):
            check_known("small.dataset", stand_in, self.datasets, where)
        for declared in study.small.other_datasets:
            check_known("small.other_datasets", declared, self.datasets, where)
        sections = (
            ("experiments", Experiment, {"dataset": study.dataset}, study.defaults),
            ("classifiers", Classifier, {"dataset": study.dataset}, study.classifier_defaults),
            ("searches", Search, {}, {}),
            ("sweeps", Sweep, {}, {}),
        )
        for section, model, always, defaults in sections:
            for name, own in getattr(study, section).items():
                if name in self.declared:
                    raise InputError(f"{where}: key {section}.{name}: the id is taken already")
                merged = always | deep_merge(defaults, own) | {"id": name}
                self._add(study, section, model, merged)
        names = study_runs(study)
        for name in study.small.experiments:
            check_known("small.experiments", name, names, where)
        for name in names:
            self._check_references(name, names, where)
        for claim in study.claims:
            for run in claim_runs(claim):
                check_known(f"claims.{claim.id}", run, names, where)
            for metric in claim_metrics(claim):
                if metric.startswith(OWN):
                    check_known(f"claims.{claim.id}", metric, self.own_metrics, where)
            if claim.kind == "number":
                check_known(
                    f"claims.{claim.id}.tolerance", claim.tolerance, study.tolerances, where
                )
        for figure in study.figures:
            kind = FIGURE_RUNS.get(figure.kind, "experiments")
            for run in getattr(figure, "experiments", []):
                check_known(f"figures.{figure.id}", run, getattr(study, kind), where)
            check_figure(figure, self.declared, where)

    def _add(self, study: StudyConfig, section: str, model: type, merged: dict) -> None:
        where, name = f"config/studies/{study.id}.yaml", merged["id"]
        declared = validated(model, merged, f"{where}: {section}.{name}")
        if section in ("experiments", "classifiers"):
            check_known(f"{section}.{name}.dataset", declared.dataset, self.datasets, where)
        self.declared[name] = resolved = declared
        if self.settings.scale == "small":
            small = shrunk(merged, study)
            resolved = validated(model, small, f"{where}: {section}.{name} (small)")
        if section in ("experiments", "classifiers"):
            check_own_files(resolved, self.root, section, where)
            check_images(resolved, self.datasets[resolved.dataset], section, where)
        self.resolved[name] = resolved
        if name in (self._runnable() if self.settings.only is None else self.settings.only):
            self.runs[name] = resolved

    def _check_references(self, name: str, names: list[str], where: str) -> None:
        """A run's search, encoder or base exists, is of the right kind, and runs too; a base need
        not."""
        run = self.declared[name]
        if isinstance(run, Search):
            check_search(run, self.declared, names, where)
        if isinstance(run, Sweep):
            check_sweep(run, self.declared, names, where)
        needed = [(key, other, kind) for key, other, kind in references(run) if other]
        for key, other, kind in needed:
            allowed = [n for n in names if isinstance(self.declared[n], kind)]
            check_known(f"{name}.{key}", other, allowed, where)
            if key != "base" and name in self.runs and other not in self.runs:
                place = f"{where}: key small.experiments"
                if self.settings.only is not None:
                    place = f"{self.where}: key only"
                raise InputError(f"{place}: {name} needs {other}; add it to the list")

    def seeds_of(self, run: str) -> list[int]:
        found, seeds = self.resolved[run], self.settings.seed_list
        if weights := getattr(found, "pretrained", []):
            seeds = [seed for seed in seeds if seed < len(weights)]
        return seeds[: found.seeds]

    def dataset_of(self, run: str) -> str:
        """The data set of a run; a search's or sweep's is that of its base."""
        found = self.resolved[run]
        return self.dataset_of(found.base) if isinstance(found, Search | Sweep) else found.dataset

    def family_of(self, run: str) -> str:
        """The family of a run's model, a search's or sweep's that of its base; empty for a
        classifier's."""
        found = self.resolved[run]
        if isinstance(found, Search | Sweep):
            return self.family_of(found.base)
        return found.model.family if isinstance(found, Experiment) else ""

    def own_file(self, run: str) -> Path | None:
        """Of the user's network that it builds, a search's or sweep's base's."""
        found = self.resolved[run]
        if isinstance(found, Search | Sweep):
            return self.own_file(found.base)
        file = getattr(found.model, "file", None)
        return None if file is None else self.root / file

    def members_of(self, run: str) -> list[Member]:
        """Everything that is trained of an experiment or a sweep."""
        found, seeds = self.runs[run], self.seeds_of(run)
        if isinstance(found, Experiment):
            return list(seeds)
        return [[point, seed] for point in found.named_points() for seed in seeds]

    def parts_of(self, run: str) -> list[list[Member]]:
        """What jobs of their own train of an experiment or a sweep, before the one that puts it
        together; none where that does it all."""
        found, members, most = self.runs[run], self.members_of(run), self.settings.max_seeds_per_job
        if isinstance(found, Experiment):
            stacks = stacks_of(members, most)
        else:
            stacks = found.stacks(self.family_of(run), members, most)
        return dealt(stacks, self.settings.max_jobs)

    def experiments_of(self, dataset: str) -> list[str]:
        return [name for name, run in self.experiments.items() if run.dataset == dataset]

    @cached_property
    def sampled_datasets(self) -> list[str]:
        """Those with experiments, whose samples are measured."""
        return sorted({run.dataset for run in self.experiments.values()})

    def figure(self, study: str, figure: str) -> Figure:
        return next(f for f in self.studies[study].figures if f.id == figure)

    def figure_runs(self, study: str, figure: str) -> list[str]:
        """Experiments, classifiers, searches or sweeps of a figure that are run; none for
        claims."""
        declared = getattr(self.figure(study, figure), "experiments", [])
        return [name for name in declared if name in self.runs]

    def drawable(self, study: str) -> list[str]:
        """Figures for which enough is run."""
        fewest = {"numbers": 0, "search": 2}
        return [
            figure.id
            for figure in self.studies[study].figures
            if len(self.figure_runs(study, figure.id)) >= fewest.get(figure.kind, 1)
        ]

    @property
    def overlay(self) -> str:
        """What a command needs to name this scale."""
        return " --configfile config/paper.yaml" if self.settings.scale == "published" else ""

    def published_scale(self, run: str) -> bool:
        """Whether it, and what it searches or sweeps, runs exactly as the study declares it."""
        base = getattr(self.declared[run], "base", None)
        same = base is None or self.resolved[base] == self.declared[base]
        return same and self.runs.get(run) == self.declared[run]

    @property
    def left_out(self) -> str:
        """Why a declared run is not among `runs`."""
        return "by key only" if self.settings.only else f"at the {self.settings.scale} scale"

    def configuration(self, run: str) -> str:
        """Hash of all that a study declares of a run, its name and keys left at their defaults
        apart; whatever the seeds and the device."""
        declared = self.declared[run]
        left_out = {"title", "reading"}
        return sha256_json(declared.model_dump(exclude=left_out, exclude_defaults=True))[:16]

    def study_runs(self, study: str) -> list[str]:
        return [name for name in study_runs(self.studies[study]) if name in self.runs]

    @cached_property
    def used_datasets(self) -> list[str]:
        return sorted({self.dataset_of(run) for run in self.runs})

    @cached_property
    def hash(self) -> str:
        """Of everything that decides results, whatever the results folder, device or mirror."""
        return sha256_json(
            {
                "runs": {name: run.model_dump() for name, run in sorted(self.runs.items())},
                "seeds": self.settings.seed_list,
                "feature_steps": self.settings.feature_steps,
                "battery": self.settings.battery.model_dump(),
                "studies": {n: s.model_dump() for n, s in sorted(self.studies.items())},
                "datasets": {n: self.datasets[n].model_dump() for n in self.used_datasets},
            }
        )
