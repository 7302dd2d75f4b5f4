import pandas as pd

from latent_atlas.claims.judge import Judge
from latent_atlas.config.project import Project
from latent_atlas.files import read_table, write_table
from latent_atlas.job import job

with job(snakemake):
    project = Project(snakemake.params.spec["settings"])
    costs = pd.concat([read_table(path) for path in snakemake.input.costs], ignore_index=True)
    metrics = read_table(snakemake.input.metrics)
    judge = Judge(project, snakemake.wildcards.study, metrics, costs)
    write_table(
        snakemake.output.claims, judge.frame(), configuration=snakemake.params.spec["configuration"]
    )
