"""The whole configuration, resolved and checked: what the Snakefile and every stage work from."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from latent_atlas.config.base import Config, Count, Id, Positive, nearest
from latent_atlas.config.battery import BatterySettings
from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import CONV_SHAPE, Experiment, ImageNetwork
from latent_atlas.config.loading import configuration_root, deep_merge, load_yaml, validated
from latent_atlas.config.searches import Search, highest, lowest, with_values
from latent_atlas.config.stacks import Member, dealt, stacks_of
from latent_atlas.config.studies import Figure, StudyConfig
from latent_atlas.config.sweeps import Sweep
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


Run = Experiment | Classifier | Search | Sweep
SIDES = {"one-stride": 2, "two-stride": 4, "five-stride": 16, "four-stride": 16}
GRID_KEYS = {"sweep": 1, "grid": 2}
FIGURE_RUNS = {
    "confusion": "classifiers",
    "trials": "searches",
    "sweep": "sweeps",
    "grid": "sweeps",
}


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
        description="study: one job trains, encodes, maps or measures all experiments of a study, "
        "one draws all its figures; a job takes seconds before it does anything"
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
    battery: BatterySettings
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
        self.declared: dict[str, Run] = {}
        self.resolved: dict[str, Run] = {}
        self.runs: dict[str, Run] = {}
        for name in self.settings.only or ():
            self._known("only", name, self._runnable(), where)
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
        self._known("dataset", study.dataset, self.datasets, where)
        for stand_in in (study.small.dataset, *study.small.other_datasets.values()):
            self._known("small.dataset", stand_in, self.datasets, where)
        for declared in study.small.other_datasets:
            self._known("small.other_datasets", declared, self.datasets, where)
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
            self._known("small.experiments", name, names, where)
        for name in names:
            self._check_references(name, names, where)
        for claim in study.claims:
            for run in claim_runs(claim):
                self._known(f"claims.{claim.id}", run, names, where)
            if claim.kind == "number":
                self._known(
                    f"claims.{claim.id}.tolerance", claim.tolerance, study.tolerances, where
                )
        for figure in study.figures:
            kind = FIGURE_RUNS.get(figure.kind, "experiments")
            for run in getattr(figure, "experiments", []):
                self._known(f"figures.{figure.id}", run, getattr(study, kind), where)
            self._check_figure(figure, where)

    def _check_figure(self, figure: Figure, where: str) -> None:
        runs = [self.declared[name] for name in getattr(figure, "experiments", [])]
        key = f"{where}: key figures.{figure.id}"
        if getattr(figure, "method", "") == "codes":
            for run in runs:
                if run.model.latent != 2:
                    raise InputError(
                        f"{key}.method: codes are drawn where latent is 2, {run.id} has "
                        f"{run.model.latent}: choose tsne or pca"
                    )
        if figure.kind in GRID_KEYS:
            keys = {tuple(run.grid or ()) for run in runs}
            if len(keys) > 1 or len(min(keys)) != GRID_KEYS[figure.kind]:
                raise InputError(
                    f"{key}.experiments: a {figure.kind} figure takes sweeps over a grid of the "
                    f"same {GRID_KEYS[figure.kind]} keys, found {sorted(keys)}"
                )
        datasets = sorted({run.dataset for run in runs}) if figure.kind == "compare" else []
        if len(datasets) > 1:
            raise InputError(
                f"{key}.experiments: {' and '.join(datasets)} have no test images in common: name "
                "experiments of one data set"
            )

    def _add(self, study: StudyConfig, section: str, model: type, merged: dict) -> None:
        where, name = f"config/studies/{study.id}.yaml", merged["id"]
        declared = validated(model, merged, f"{where}: {section}.{name}")
        if section in ("experiments", "classifiers"):
            self._known(f"{section}.{name}.dataset", declared.dataset, self.datasets, where)
        self.declared[name] = resolved = declared
        if self.settings.scale == "small":
            small = shrunk(merged, study)
            resolved = validated(model, small, f"{where}: {section}.{name} (small)")
        self.resolved[name] = self._fits(resolved, section, where)
        if name in (self._runnable() if self.settings.only is None else self.settings.only):
            self.runs[name] = resolved

    def _check_references(self, name: str, names: list[str], where: str) -> None:
        """A run's search, encoder or base exists, is of the right kind, and runs too; a base need
        not."""
        run = self.declared[name]
        if isinstance(run, Search):
            self._check_search(run, names, where)
        if isinstance(run, Sweep):
            self._check_sweep(run, names, where)
        needed = [(key, other, kind) for key, other, kind in references(run) if other]
        for key, other, kind in needed:
            allowed = [n for n in names if isinstance(self.declared[n], kind)]
            self._known(f"{name}.{key}", other, allowed, where)
            if key != "base" and name in self.runs and other not in self.runs:
                place = f"{where}: key small.experiments"
                if self.settings.only is not None:
                    place = f"{self.where}: key only"
                raise InputError(f"{place}: {name} needs {other}; add it to the list")

    def _check_search(self, search: Search, names: list[str], where: str) -> None:
        """Its base can be validated and is not tuned by it; both ends of its space are allowed."""
        section = f"{where}: key searches.{search.id}"
        self._known(f"searches.{search.id}.base", search.base, names, where)
        base = self.declared[search.base]
        if not base.validation or getattr(base, "train_on_all", False):
            raise InputError(
                f"{section}.base: {search.base} holds no images out to validate on; name one with "
                "validation and without train_on_all"
            )
        if base.tuned == search.id:
            raise InputError(f"{section}.base: {search.base} is tuned by this very search")
        for part in ("space", "published"):
            for key in getattr(search, part):
                try:
                    with_values(base.model_dump(), {key: None})
                except (KeyError, TypeError):
                    raise InputError(
                        f"{section}.{part}: {search.base} has no key {key!r}"
                    ) from None
        for point in (lowest(search.space), highest(search.space)):
            changed = with_values(base.model_dump(), point)
            validated(type(base), changed, f"{where}: searches.{search.id}.space")

    def _check_sweep(self, sweep: Sweep, names: list[str], where: str) -> None:
        """Its base can be validated, and every combination of its values is allowed."""
        self._known(f"sweeps.{sweep.id}.base", sweep.base, names, where)
        base = self.declared[sweep.base]
        if not isinstance(base, Experiment) or not base.validation or base.tuned:
            raise InputError(
                f"{where}: key sweeps.{sweep.id}.base: {sweep.base} is not an experiment that "
                "holds images out and that no search tunes; name one with validation"
            )
        given, dumped = "grid" if sweep.grid else "points", base.model_dump()
        for key in sweep.keys:
            try:
                with_values(dumped, {key: None})
            except (KeyError, TypeError):
                raise InputError(
                    f"{where}: key sweeps.{sweep.id}.{given}: {sweep.base} has no key {key!r}"
                ) from None
        for values in sweep.named_points().values():
            changed = with_values(dumped, values)
            validated(Experiment, changed, f"{where}: sweeps.{sweep.id}.{given}")

    def _known(self, key: str, found: str, allowed, where: str) -> None:
        if found not in allowed:
            raise InputError(f"{where}: key {key}: unknown {found!r}; {nearest(found, allowed)}")

    def _fits(self, run: Run, section: str, where: str) -> Run:
        subset = getattr(run, "subset", None)
        for split in ("train", "test") if subset else ():
            available = self.datasets[run.dataset].sizes[split]
            wanted = getattr(subset, split)
            if wanted > available:
                raise InputError(
                    f"{where}: key {section}.{run.id}.subset.{split}: found {wanted}; "
                    f"{run.dataset} has {available} images there: lower it"
                )
        family = getattr(getattr(run, "model", None), "family", "")
        if family.startswith("conv-") and self.datasets[run.dataset].shape != CONV_SHAPE:
            raise InputError(
                f"{where}: key {section}.{run.id}.dataset: {family} takes images of shape "
                f"{CONV_SHAPE}, {run.dataset} has {self.datasets[run.dataset].shape}"
            )
        if family == "pool-vae":
            shape = self.datasets[run.dataset].shape
            if min(length for side in shape[1:] for _, length in run.model.sides(side)) < 1:
                raise InputError(
                    f"{where}: key {section}.{run.id}.model.convolutions: {run.dataset} has images "
                    f"of {shape}, too small for {len(run.model.convolutions)}: name fewer"
                )
        if isinstance(run, Experiment) and isinstance(run.model, ImageNetwork):
            shape, multiple = self.datasets[run.dataset].shape, SIDES[run.model.layout]
            if any(side % multiple for side in shape[1:]):
                raise InputError(
                    f"{where}: key {section}.{run.id}.model.layout: {run.model.layout} takes "
                    f"images whose sides are multiples of {multiple}, {run.dataset} has {shape}"
                )
        return run

    def seeds_of(self, run: str) -> list[int]:
        return self.settings.seed_list[: self.resolved[run].seeds]

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

    def spec(self, run: str) -> dict:
        """Everything that decides an experiment's or a classifier's results but the files it
        reads, as plain JSON values."""
        resolved = self.resolved[run]
        spec = {
            "run": resolved.model_dump(),
            "seeds": self.seeds_of(run),
            "dataset": self.datasets[resolved.dataset].model_dump(),
            "device": self.settings.device,
        }
        encoder = encoder_of(resolved)
        return spec | ({"encoder": self.spec(encoder)} if encoder else {})

    def search_spec(self, search: str) -> dict:
        """The same for a search. Each trial runs its base with seed 0, whatever the run's seeds;
        a classifier with the first for which there is an encoder."""
        resolved = self.searches[search]
        encoded = encoder_of(self.resolved[resolved.base])
        seeds = self.seeds_of(encoded)[:1] if encoded else [0]
        return {
            "search": resolved.model_dump(),
            "base": self.spec(resolved.base) | {"seeds": seeds},
        }

    def sweep_spec(self, sweep: str) -> dict:
        """The same for a sweep; `members` are trained."""
        resolved = self.sweeps[sweep]
        base = self.spec(resolved.base) | {"seeds": self.seeds_of(sweep)}
        members = self.members_of(sweep)
        return {"sweep": resolved.model_dump(), "base": base, "members": members}

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

    def quality_spec(self, dataset: str) -> dict:
        """A data set, and the seeds of every experiment whose samples are measured on it."""
        return {
            "dataset": self.datasets[dataset].model_dump(),
            "samples": self.settings.battery.samples,
            "experiments": {name: self.seeds_of(name) for name in self.experiments_of(dataset)},
        }

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

    def figure_spec(self, study: str, figure: str) -> dict:
        """Everything but data that decides how a figure looks."""
        runs = self.figure_runs(study, figure)
        file = f"{self.settings.results}/figures/{study}/{figure}.png"
        datasets = {name: self.dataset_of(name) for name in runs}
        return {
            "figure": self.figure(study, figure).model_dump(),
            "study": study,
            "command": f"snakemake --cores 1 {file}{self.overlay}",
            "runs": {
                name: self.runs[name].model_dump() | {"dataset": datasets[name]} for name in runs
            },
            "classes": {name: self.datasets[datasets[name]].classes for name in runs},
        }

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


def study_runs(study: StudyConfig) -> list[str]:
    """Everything that a study declares and that can be run."""
    return [*study.experiments, *study.classifiers, *study.searches, *study.sweeps]


def encoder_of(run: Run) -> str | None:
    """The experiment whose encoder a classifier takes."""
    return getattr(getattr(run, "model", None), "encoder", None)


def references(run: Run) -> list[tuple[str, str | None, type]]:
    """(key, id, kind) of what a run reads from others."""
    if isinstance(run, Search):
        return [("base", run.base, Experiment | Classifier)]
    if isinstance(run, Sweep):
        return [("base", run.base, Experiment)]
    return [("tuned", run.tuned, Search), ("model.encoder", encoder_of(run), Experiment)]


def shrunk(merged: dict, study: StudyConfig) -> dict:
    """A run as the small scale changes it."""
    small = study.small
    if "space" in merged:
        return merged | {"trials": small.trials or merged["trials"]}

    def fewer(count: int) -> int:
        return max(1, round(count * small.epochs_factor))

    if "grid" in merged:
        return merged | ({"epochs": fewer(merged["epochs"])} if merged.get("epochs") else {})
    changes: dict = {
        "dataset": small.other_datasets.get(merged["dataset"], small.dataset),
        "subset": {"how": "stratified", "train": small.train, "test": small.test},
    }
    if merged.get("subset"):
        changes["subset"].pop("how")
    size = {"batch_size": small.batch_size} if small.batch_size else {}
    if "training" in merged:
        changes["training"] = {"epochs": fewer(merged["training"]["epochs"])} | size
    else:
        changes |= {"epochs": fewer(merged["epochs"])} | size
    if latents := merged.get("latents"):
        counts = ("steps", "images")
        changes["latents"] = {key: fewer(latents[key]) for key in counts if latents.get(key)}
    if merged.get("stepped_epochs"):
        changes["stepped_epochs"] = fewer(merged["stepped_epochs"])
    return deep_merge(merged, changes)


def claim_runs(claim) -> list[str]:
    """Every run that a claim's rows read."""
    if claim.kind == "ordering":
        return [m.experiment for pair in claim.variants for m in (pair.lower, pair.higher)]
    if claim.kind == "severity":
        return claim.experiments
    if claim.kind == "unattempted":
        return []
    if claim.kind == "unit":
        return [claim.claimed.experiment, claim.rival.experiment]
    return [name for variants in claim.variants for name in variants.experiments]
