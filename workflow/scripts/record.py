from latent_atlas.config.paths import RECORDED
from latent_atlas.config.project import Project
from latent_atlas.job import job
from latent_atlas.report.record import record_study

with job(snakemake):
    project = Project(snakemake.config)
    for study in project.studies:
        record_study(project, study, snakemake.input, RECORDED / study)
