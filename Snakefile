from snakemake.utils import min_version

from latent_atlas.config.jobs import Jobs
from latent_atlas.config.needs import Needs
from latent_atlas.config.paths import Paths
from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.files import check_writable

min_version("9.0")


configfile: "config/config.yaml"


try:
    project = Project(config, workflow.basedir, where="config/config.yaml and its overlays")
except InputError as error:
    raise WorkflowError(str(error)) from None

paths = Paths(project)
jobs, needs = Jobs(paths), Needs(project)
RESULTS = paths.results


onstart:
    try:
        check_writable(RESULTS)
        jobs.keep_modules()
    except InputError as error:
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset="|".join(project.datasets),
    experiment="|".join(project.experiments),
    classifier="|".join(project.classifiers),
    search="|".join(project.searches),
    sweep="|".join(project.sweeps),
    part=r"\d+",
    study="|".join(project.studies),
    figure="|".join(sorted({f for study in project.studies for f in project.drawable(study)})),


include: "workflow/rules/datasets.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/latents.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/batches.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/explorer.html",


rule report:
    input:
        f"{RESULTS}/report.html",


rule figures:
    input:
        [file for study in project.studies for file in paths.figures(study, "png")],


rule metrics:
    input:
        f"{RESULTS}/metrics.parquet",


rule datasets:
    input:
        paths.datasets(),


for study in project.studies:

    rule:
        name:
            f"study_{study}"
        input:
            f"{RESULTS}/claims.parquet",
            paths.figures(study, "png"),
            f"{RESULTS}/report.html",
