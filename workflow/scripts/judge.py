import pandas as pd

from latent_atlas.claims.judge import judge_studies
from latent_atlas.config.project import Project
from latent_atlas.files import read_table, sha256_json, write_table
from latent_atlas.job import job

with job(snakemake):
    costs = pd.concat([read_table(path) for path in snakemake.input.costs], ignore_index=True)
    claims = judge_studies(Project(snakemake.config), read_table(snakemake.input.metrics), costs)
    write_table(snakemake.output.claims, claims, configuration=sha256_json(snakemake.params.spec))
