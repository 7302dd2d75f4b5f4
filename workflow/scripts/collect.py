import pandas as pd

from latent_atlas.files import read_table, read_table_metadata, write_table
from latent_atlas.job import job

with job(snakemake):
    tables = [read_table(path) for path in snakemake.input.tables]
    sources = {path: read_table_metadata(path) for path in snakemake.input.tables}
    write_table(
        snakemake.output.table,
        pd.concat(tables, ignore_index=True),
        configuration=snakemake.params.spec["configuration"],
        sources=sources,
    )
