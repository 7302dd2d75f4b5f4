from latent_atlas.claims.judge import Judge
from latent_atlas.config.project import Project
from latent_atlas.files import read_table, write_table
from latent_atlas.job import job

with job(snakemake.log[0]):
    project = Project(snakemake.params.settings)
    judge = Judge(project, snakemake.wildcards.study, read_table(snakemake.input.metrics))
    write_table(
        snakemake.output.claims, judge.frame(), configuration=snakemake.params.configuration
    )
