"""What decides the results of a run, as plain JSON values."""

from latent_atlas.config.project import Project
from latent_atlas.config.runs import encoder_of


def run_spec(project: Project, run: str) -> dict:
    """Everything that decides an experiment's or a classifier's results but the files it
    reads, as plain JSON values."""
    resolved = project.resolved[run]
    spec = {
        "run": resolved.model_dump(),
        "seeds": project.seeds_of(run),
        "dataset": project.datasets[resolved.dataset].model_dump(),
        "device": project.settings.device,
    }
    encoder = encoder_of(resolved)
    return spec | ({"encoder": run_spec(project, encoder)} if encoder else {})


def search_spec(project: Project, search: str) -> dict:
    """The same for a search. Each trial runs its base with seed 0, whatever the run's seeds;
    a classifier with the first for which there is an encoder."""
    resolved = project.searches[search]
    encoded = encoder_of(project.resolved[resolved.base])
    seeds = project.seeds_of(encoded)[:1] if encoded else [0]
    return {
        "search": resolved.model_dump(),
        "base": run_spec(project, resolved.base) | {"seeds": seeds},
    }


def sweep_spec(project: Project, sweep: str) -> dict:
    """The same for a sweep; `members` are trained."""
    resolved = project.sweeps[sweep]
    base = run_spec(project, resolved.base) | {"seeds": project.seeds_of(sweep)}
    members = project.members_of(sweep)
    return {"sweep": resolved.model_dump(), "base": base, "members": members}


def quality_spec(project: Project, dataset: str) -> dict:
    """A data set, and the seeds of every experiment whose samples are measured on it."""
    return {
        "dataset": project.datasets[dataset].model_dump(),
        "samples": project.settings.battery.samples,
        "experiments": {name: project.seeds_of(name) for name in project.experiments_of(dataset)},
    }


def figure_spec(project: Project, study: str, figure: str) -> dict:
    """Everything but data that decides how a figure looks."""
    runs = project.figure_runs(study, figure)
    file = f"{project.settings.results}/figures/{study}/{figure}.png"
    datasets = {name: project.dataset_of(name) for name in runs}
    return {
        "figure": project.figure(study, figure).model_dump(),
        "study": study,
        "command": f"snakemake --cores 1 {file}{project.overlay}",
        "runs": {
            name: project.runs[name].model_dump() | {"dataset": datasets[name]} for name in runs
        },
        "classes": {name: project.datasets[datasets[name]].classes for name in runs},
    }
