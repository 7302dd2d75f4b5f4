"""Where everything lies below the results folder: the contract between stages."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from latent_atlas.config.project import Project
from latent_atlas.config.runs import encoder_of
from latent_atlas.files import Files, sha256_json

FIGURE_FILES = {
    "decodes": "samples.safetensors",
    "compare": "samples.safetensors",
    "paths": "samples.safetensors",
    "corners": "samples.safetensors",
    "walks": "samples.safetensors",
    "growth": "growth.safetensors",
    "curves": "history.parquet",
    "overlay": "history.parquet",
    "batches": "history.parquet",
    "search": "metrics.parquet",
    "trials": "trials.parquet",
    "sweep": "metrics.parquet",
    "grid": "metrics.parquet",
    "spoilt": "samples.safetensors",
    "severity": "metrics.parquet",
    "rate": "metrics.parquet",
    "confusion": "predictions.safetensors",
}

WRITES = {
    "train": {
        "weights": "runs/{experiment}/weights.safetensors",
        "history": "runs/{experiment}/history.parquet",
        "growth": "runs/{experiment}/growth.safetensors",
        "costs": "runs/{experiment}/costs.parquet",
    },
    "classify": {
        "weights": "classifiers/{classifier}/weights.safetensors",
        "predictions": "classifiers/{classifier}/predictions.safetensors",
        "history": "classifiers/{classifier}/history.parquet",
        "metrics": "classifiers/{classifier}/metrics.parquet",
        "costs": "classifiers/{classifier}/costs.parquet",
    },
    "latents": {
        "train": "runs/{experiment}/latents/train.safetensors",
        "test": "runs/{experiment}/latents/test.safetensors",
    },
    "embed": {"maps": "embeddings/{experiment}.parquet"},
    "evaluate": {
        "metrics": "runs/{experiment}/metrics.parquet",
        "samples": "runs/{experiment}/samples.safetensors",
        "explorer": "runs/{experiment}/explorer.safetensors",
    },
    "figure": {
        "png": "figures/{study}/{figure}.png",
        "svg": "figures/{study}/{figure}.svg",
        "sidecar": "figures/{study}/{figure}.json",
    },
}
"""What the jobs of an experiment, a classifier or a figure write, by the names that their scripts
know."""

RECORDED = Path("recorded")
"""Of finished published-scale runs, from the project's folder."""


class Paths:
    """File names as the rules need them, given names and not Snakemake's wildcards."""

    def __init__(self, project: Project):
        self.project = project
        self.results = project.settings.results

    def dataset(self, dataset: str) -> dict[str, str]:
        return {
            split: f"{self.results}/datasets/{dataset}/{split}.safetensors"
            for split in ("train", "test")
        }

    def own_files(self, dataset: str) -> str:
        """Hash of names, sizes and times of what a data set reads from a path of its user's; empty
        for others."""
        path = getattr(self.project.datasets[dataset].source, "path", None)
        if path is None:
            return ""
        root = self.project.root / Path(path).expanduser()
        files = [root, *sorted(root.rglob("*"))] if root.exists() else []
        facts = [
            (str(f.relative_to(root)), f.stat().st_size, f.stat().st_mtime_ns)
            for f in files
            if f.is_file()
        ]
        return sha256_json(facts)[:16]

    def datasets(self) -> list[str]:
        return [file for name in self.project.used_datasets for file in self.dataset(name).values()]

    def run(self, name: str, file: str) -> str:
        """A file of an experiment, a classifier, a search or a sweep."""
        if name in self.project.classifiers:
            return f"{self.results}/classifiers/{name}/{file}"
        if name in self.project.searches:
            return f"{self.results}/searches/{name}/{file}"
        if name in self.project.sweeps:
            return f"{self.results}/sweeps/{name}/{file}"
        return f"{self.results}/runs/{name}/{file}"

    def runs(self, file: str, names: Iterable[str] | None = None) -> list[str]:
        return [self.run(name, file) for name in (self.project.runs if names is None else names)]

    def costs(self) -> list[str]:
        """What every training cost; searches keep no account."""
        kept = [name for name in self.project.runs if name not in self.project.searches]
        return self.runs("costs.parquet", kept)

    def inputs(self, run: str) -> Files:
        """What training an experiment or a classifier reads: images, the values that a search
        found, the encoder's weights, or its own that were trained elsewhere."""
        resolved = self.project.resolved[run]
        files = self.dataset(resolved.dataset)
        found = {f"{split}_images": file for split, file in files.items()}
        if resolved.tuned:
            found["tuned"] = self.run(resolved.tuned, "best.json")
        if weights := getattr(resolved, "pretrained", []):
            found["own_weights"] = [str(self.project.root / file) for file in weights]
        if encoder := encoder_of(resolved):
            found["encoder_weights"] = self.run(encoder, "weights.safetensors")
            if tuned := self.project.resolved[encoder].tuned:
                found["encoder_tuned"] = self.run(tuned, "best.json")
        return found

    def parts(self, run: str) -> Files:
        """What is left by the jobs that share an experiment's seeds or a sweep's points, if any."""
        count = len(self.project.parts_of(run))
        return {"parts": [self.run(run, f"part-{n}.json") for n in range(count)]} if count else {}

    def writes(self, rule: str, wildcards: Mapping[str, str] | None = None) -> dict[str, str]:
        """Files of `WRITES`; their patterns without `wildcards`."""
        patterns = {name: f"{self.results}/{pattern}" for name, pattern in WRITES[rule].items()}
        if wildcards is None:
            return patterns
        return {name: pattern.format(**wildcards) for name, pattern in patterns.items()}

    def reads(self, rule: str, wildcards: Mapping[str, str]) -> Files:
        """What the jobs of `WRITES`, and those of sweeps, read."""
        if rule == "figure":
            return {"data": self.figure_inputs(wildcards["study"], wildcards["figure"])}
        if rule == "sweep":
            sweep = wildcards["sweep"]
            return self.inputs(self.project.sweeps[sweep].base) | self.parts(sweep)
        if rule == "classify":
            return self.inputs(wildcards["classifier"])
        experiment = wildcards["experiment"]
        weights = {"weights": self.run(experiment, "weights.safetensors")}
        test = self.run(experiment, "latents/test.safetensors")
        if rule == "embed":
            return {"latents": test}
        if rule == "train":
            return self.inputs(experiment) | self.parts(experiment)
        if rule == "latents":
            return self.inputs(experiment) | weights
        return {
            **self.inputs(experiment),
            **weights,
            "history": self.run(experiment, "history.parquet"),
            "train_latents": self.run(experiment, "latents/train.safetensors"),
            "test_latents": test,
            "maps": f"{self.results}/embeddings/{experiment}.parquet",
            "features": self.features(self.project.dataset_of(experiment)),
        }

    def quality(self) -> list[str]:
        return [f"{self.results}/quality/{name}.parquet" for name in self.project.sampled_datasets]

    def features(self, dataset: str) -> str:
        """The classifier whose features measure models of a data set."""
        return f"{self.results}/features/{dataset}.safetensors"

    def figures(self, study: str, kind: str) -> list[str]:
        """Figures of a study that this run can draw; `kind` png, svg or json."""
        return [
            f"{self.results}/figures/{study}/{figure}.{kind}"
            for figure in self.project.drawable(study)
        ]

    def every_figure(self, kind: str) -> list[str]:
        return [file for study in self.project.studies for file in self.figures(study, kind)]

    def figure_inputs(self, study: str, figure: str) -> list[str]:
        kind = self.project.figure(study, figure).kind
        runs = self.project.figure_runs(study, figure)
        if kind == "numbers":
            return [f"{self.results}/claims.parquet"]
        if kind == "map":
            return [f"{self.results}/embeddings/{name}.parquet" for name in runs]
        return self.runs(FIGURE_FILES[kind], runs)
