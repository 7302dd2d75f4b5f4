from latent_atlas.files import join_tables
from latent_atlas.job import job

with job(snakemake):
    configuration = snakemake.params.spec["configuration"]
    join_tables(snakemake.input.tables, snakemake.output.table, configuration=configuration)
