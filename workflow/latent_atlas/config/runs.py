"""What a study runs: experiments, classifiers, searches and sweeps, and what they need of each
other."""

from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.loading import deep_merge
from latent_atlas.config.searches import Search
from latent_atlas.config.studies import Measured, StudyConfig
from latent_atlas.config.sweeps import Sweep

Run = Experiment | Classifier | Search | Sweep


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


def claim_runs(claim) -> list[str]:
    """Every run that a claim's rows read."""
    if claim.kind == "severity":
        return claim.experiments
    if claim.kind in ("number", "threshold"):
        return [name for variants in claim.variants for name in variants.experiments]
    return [measured.experiment for measured in _measured(claim)]


def claim_metrics(claim) -> list[str]:
    """Every metric that they name."""
    if claim.kind in ("number", "threshold"):
        return [name for variants in claim.variants for name in variants.metrics]
    return [measured.metric for measured in _measured(claim)]


def _measured(claim) -> list[Measured]:
    if claim.kind == "ordering":
        return [side for pair in claim.variants for side in (pair.lower, pair.higher)]
    return [claim.claimed, claim.rival] if claim.kind == "unit" else []


def shrunk(merged: dict, study: StudyConfig) -> dict:
    """A run as the small scale changes it."""
    small = study.small
    if "space" in merged:
        return merged | {"trials": small.trials or merged["trials"]}

    def fewer(count: int) -> int:
        return max(1, round(count * small.epochs_factor))

    if "base" in merged:
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
