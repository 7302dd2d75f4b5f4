from functools import partial

from latent_atlas.claims.reasons import with_reasons
from latent_atlas.config.project import Project
from latent_atlas.files import join_tables, sha256_json
from latent_atlas.job import job

with job(snakemake):
    join_tables(
        snakemake.input.tables,
        snakemake.output.table,
        partial(with_reasons, project=Project(snakemake.config)),
        configuration=sha256_json(snakemake.params.spec),
    )
