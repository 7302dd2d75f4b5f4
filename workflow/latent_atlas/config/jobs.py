"""What decides a job's results besides its input files: the parameters of every rule.

The rules take theirs from here, so that what a finished job was given can be compared with what it
would be given now (`python -m latent_atlas verify`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from latent_atlas.config.code_hash import code_hash, module_hashes
from latent_atlas.config.loading import REPOSITORY
from latent_atlas.config.networks import module_of
from latent_atlas.config.paths import Paths
from latent_atlas.config.specs import (
    figure_spec,
    quality_spec,
    run_spec,
    search_spec,
    sweep_spec,
)
from latent_atlas.files import remove_unfinished, sha256_file, write_json

KINDS = {"experiment", "classifier", "search", "sweep"}
"""Wildcards that name what is run."""
PART = "_part"
"""How a rule's name ends that does a share of another's work, by the same script."""
REGISTRY = "latent_atlas/models/registry.py"
TOGETHER = (("train", "latents"), ("classify",), ("embed",), ("evaluate",), ("figure",))
"""Rules whose jobs for a whole study make one job, where the configuration wants that; it has a
script of their names."""


@dataclass(frozen=True)
class Batch:
    """One job that does what several jobs would, each after those it reads from; `tasks` hold the
    `rule`, the `wildcards`, the `spec`, the `code` and the named files, `input` and `output`, of
    each."""

    name: str
    rules: tuple[str, ...]
    tasks: list[dict]

    @property
    def script(self) -> str:
        return "_".join(self.rules)

    @property
    def jobs(self) -> list[tuple[str, dict[str, str]]]:
        """Rule and wildcards of each."""
        return [(task["rule"], task["wildcards"]) for task in self.tasks]


class Jobs:
    """Parameters of jobs by rule and wildcards."""

    def __init__(self, paths: Paths):
        self.paths, self.project = paths, paths.project
        self.specs = {
            "dataset": self._dataset,
            "features": self._features,
            "train": lambda w: run_spec(self.project, w["experiment"]),
            "train_part": lambda w: self._part(run_spec, w["experiment"], "seeds", w),
            "classify": lambda w: run_spec(self.project, w["classifier"]),
            "search": lambda w: search_spec(self.project, w["search"]),
            "sweep": lambda w: sweep_spec(self.project, w["sweep"]),
            "sweep_part": lambda w: self._part(sweep_spec, w["sweep"], "members", w),
            "latents": lambda w: run_spec(self.project, w["experiment"]),
            "embed": lambda w: {"seeds": self.project.seeds_of(w["experiment"])},
            "evaluate": self._evaluate,
            "quality": lambda w: quality_spec(self.project, w["dataset"]),
            "collect": lambda w: self._runs(),
            "judge": self._judge,
            "figure": lambda w: figure_spec(self.project, w["study"], w["figure"]),
            "provenance": self._whole,
            "page": self._page,
            "salvage": self._salvage,
            "explorer": self._explorer,
            "archive": self._whole,
            "record": self._whole,
        }

    def spec(self, rule: str, wildcards: Mapping[str, str]) -> dict:
        """Plain JSON values. KeyError where the configuration has nothing of that name to run."""
        named = dict(wildcards.items())
        for kind in KINDS & named.keys():
            self.project.runs[named[kind]]
        if rule == "figure" and named["figure"] not in self.project.drawable(named["study"]):
            raise KeyError(named["figure"])
        return self.specs[rule](named)

    def batches(self) -> list[Batch]:
        """The jobs that take a whole study, where the configuration wants that."""
        if self.project.settings.job_takes == "experiment":
            return []
        return [
            Batch(f"{rules[0]}_{study}", rules, tasks)
            for rules in TOGETHER
            for study in self.project.studies
            if (tasks := [task for rule in rules for task in self._tasks(rule, study)])
        ]

    def _tasks(self, rule: str, study: str) -> list[dict]:
        runs = self.project.study_runs(study)
        if rule == "figure":
            named = [{"study": study, "figure": name} for name in self.project.drawable(study)]
        elif rule == "classify":
            named = [{"classifier": name} for name in runs if name in self.project.classifiers]
        else:
            named = [{"experiment": name} for name in runs if name in self.project.experiments]
        return [
            {
                "rule": rule,
                "wildcards": wildcards,
                "spec": self.spec(rule, wildcards),
                "code": self.code(rule, wildcards),
                "input": self.paths.reads(rule, wildcards),
                "output": self.paths.writes(rule, wildcards),
            }
            for wildcards in named
        ]

    def code(self, rule: str, wildcards: Mapping[str, str] | None = None) -> str:
        """Hash of the code that does the job: the rule's script, all it imports, and, where it
        builds models, the module of the family."""
        return code_hash(*self._code(rule, self._run(wildcards or {})))

    def changed_modules(self, rule: str, wildcards: Mapping[str, str], code: str) -> list[str]:
        """Files of that code which are others than when a job had the hash `code`; empty where
        nobody has kept what it stood for."""
        kept = self._modules_file(code)
        then = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        now = module_hashes(*self._code(rule, self._run(wildcards)))
        return sorted(name for name in now if now[name] != then.get(name)) if then else []

    def keep_modules(self) -> None:
        """For `changed_modules`, of the code of every job."""
        results = Path(self.paths.results)
        locks = results / "logs/locks"
        locks.mkdir(parents=True, exist_ok=True)
        runs = (None, *self.project.runs)
        with FileLock(locks / "code.lock"):
            remove_unfinished(results / "code")
            for code in {self._code(rule, run) for rule in self.specs for run in runs}:
                write_json(self._modules_file(code_hash(*code)), module_hashes(*code))

    def _modules_file(self, code: str) -> Path:
        return Path(self.paths.results, "code", f"{code}.json")

    def _run(self, wildcards: Mapping[str, str]) -> str | None:
        named = dict(wildcards.items())
        return next((named[kind] for kind in KINDS & named.keys()), None)

    def _code(self, rule: str, run: str | None) -> tuple[Path | str, ...]:
        """The script, and what of a model's family and of the user's own files it loads."""
        script = REPOSITORY / f"workflow/scripts/{rule.removesuffix(PART)}.py"
        loaded: list[Path | str] = [script]
        if run and REGISTRY in module_hashes(script) and (family := self.project.family_of(run)):
            loaded.append(module_of(family))
            if own := self.project.own_file(run):
                loaded.append(own)
        if rule == "evaluate":
            own_metrics = self.project.settings.own_metrics
            loaded += [self.project.root / file for file in own_metrics]
        return tuple(loaded)

    def _part(self, spec: Callable, run: str, shared: str, wildcards: Mapping[str, str]) -> dict:
        parts = dict(enumerate(self.project.parts_of(run)))
        return spec(self.project, run) | {shared: parts[int(wildcards["part"])]}

    def _dataset(self, wildcards: Mapping[str, str]) -> dict:
        name = wildcards["dataset"]
        own = self.paths.own_files(name)
        return {"dataset": self.project.datasets[name].model_dump(), "own_files": own}

    def _features(self, wildcards: Mapping[str, str]) -> dict:
        dataset = self.project.datasets[wildcards["dataset"]].model_dump()
        return {"dataset": dataset, "steps": self.project.settings.feature_steps}

    def _evaluate(self, wildcards: Mapping[str, str]) -> dict:
        settings = self.project.settings
        measured = {
            "battery": settings.battery.model_dump(),
            "own_metrics": self.project.own_metrics,
        }
        return run_spec(self.project, wildcards["experiment"]) | measured

    def _runs(self) -> dict:
        runs = {name: run.model_dump() for name, run in self.project.runs.items()}
        return {"runs": runs, "seeds": self.project.settings.seed_list}

    def _classes(self) -> dict:
        datasets = self.project.datasets
        return {name: datasets[name].classes for name in self.project.used_datasets}

    def _judge(self, wildcards: Mapping[str, str]) -> dict:
        rules = {"claims", "tolerances", "confidence"}
        studies = self.project.studies.items()
        return self._runs() | {
            "studies": {name: study.model_dump(include=rules) for name, study in studies},
            "declared": {name: run.model_dump() for name, run in self.project.declared.items()},
            "classes": self._classes(),
        }

    def _whole(self, wildcards: Mapping[str, str]) -> dict:
        settings = self.project.settings
        return {
            "configuration": self.project.hash,
            "scale": settings.scale,
            "seeds": settings.seed_list,
        }

    def _explorer(self, wildcards: Mapping[str, str]) -> dict:
        titles = {name: study.title for name, study in self.project.studies.items()}
        shown = {"studies": titles, "classes": self._classes()}
        return self._runs() | shown | self._looks()

    def _looks(self) -> dict:
        return {"templates": hashed(REPOSITORY, "workflow/report/**/*.*")}

    def _page(self, wildcards: Mapping[str, str]) -> dict:
        recorded = hashed(self.project.root, "recorded/**/*.*")
        return self._whole(wildcards) | self._looks() | {"recorded": recorded}

    def _salvage(self, wildcards: Mapping[str, str]) -> dict:
        measured = hashed(Path(), f"{self.paths.results}/*/*/metrics.parquet")
        drawn = hashed(Path(), f"{self.paths.results}/figures/*/*.json")
        return self._page(wildcards) | {"measured": measured, "drawn": drawn}


def hashed(folder: Path, pattern: str) -> dict[str, str]:
    """Files in it and their content hashes, for rules that must not rerun on a mere touch."""
    files = sorted(folder.glob(pattern))
    return {str(file.relative_to(folder)): sha256_file(file)[:16] for file in files}
