"""Where everything lies below the results folder: the contract between stages."""

from latent_atlas.config.code_hash import code_hash
from latent_atlas.config.project import Project
from latent_atlas.files import sha256_file


class Paths:
    """File names as the rules need them, given names and not Snakemake's wildcards."""

    def __init__(self, project: Project):
        self.project = project
        self.results = project.settings.results

    def code(self, script: str) -> str:
        """Content hash of a rule's script and of all it imports."""
        return code_hash(self.project.root / f"workflow/scripts/{script}.py")

    def dataset(self, dataset: str) -> dict[str, str]:
        return {
            split: f"{self.results}/datasets/{dataset}/{split}.safetensors"
            for split in ("train", "test")
        }

    def datasets(self) -> list[str]:
        return [file for name in self.project.used_datasets for file in self.dataset(name).values()]

    def experiment_images(self, experiment: str) -> dict[str, str]:
        files = self.dataset(self.project.experiments[experiment].dataset)
        return {f"{split}_images": file for split, file in files.items()}

    def runs(self, file: str, experiments: list[str] | None = None) -> list[str]:
        names = self.project.experiments if experiments is None else experiments
        return [f"{self.results}/runs/{name}/{file}" for name in names]

    def figures(self, study: str, kind: str) -> list[str]:
        """Figures of a study that this run can draw; `kind` png, svg or json."""
        return [
            f"{self.results}/figures/{study}/{figure}.{kind}"
            for figure in self.project.drawable(study)
        ]

    def figure_inputs(self, study: str, figure: str) -> list[str]:
        kind = self.project.figure(study, figure).kind
        experiments = self.project.figure_experiments(study, figure)
        if kind == "numbers":
            return [f"{self.results}/claims/{study}.parquet"]
        if kind == "map":
            return [f"{self.results}/embeddings/{name}.parquet" for name in experiments]
        files = {"curves": "history.parquet", "search": "metrics.parquet"}
        return self.runs(files.get(kind, "samples.safetensors"), experiments)

    def hashed(self, pattern: str) -> dict[str, str]:
        """Tracked files and their content hashes, for rules that must not rerun on a mere touch."""
        files = sorted(self.project.root.glob(pattern))
        return {str(f.relative_to(self.project.root)): sha256_file(f)[:16] for f in files}
