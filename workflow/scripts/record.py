from latent_atlas.config.project import Project
from latent_atlas.job import job
from latent_atlas.report.record import record_studies

with job(snakemake.log[0]):
    record_studies(Project(snakemake.params.settings), snakemake.input, snakemake.output.tables)
