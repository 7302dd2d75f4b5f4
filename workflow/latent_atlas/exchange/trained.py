"""A trained experiment of this folder's project."""

from pathlib import Path

from latent_atlas.config.paths import Paths
from latent_atlas.config.project import Project
from latent_atlas.config.specs import run_spec
from latent_atlas.errors import InputError
from latent_atlas.models.base import LatentModel
from latent_atlas.training.inputs import tuned_experiment
from latent_atlas.training.store import load_first


def first_seed(project: Project, experiment: str, device: str) -> tuple[LatentModel, Paths]:
    """The model of its first seed, and where the project's files are; InputError where it has not
    been trained."""
    paths = Paths(project)
    weights = paths.run(experiment, "weights.safetensors")
    if not Path(weights).is_file():
        raise InputError(
            f"{weights}: not trained yet; run snakemake --cores all {weights}{project.overlay}"
        )
    run = tuned_experiment(run_spec(project, experiment), paths.inputs(experiment).get("tuned"))
    shape = project.datasets[run.dataset].shape
    return load_first(weights, run, shape).to(device), paths
