from pathlib import Path

from latent_atlas.config.project import Project
from latent_atlas.files import read_table
from latent_atlas.job import job
from latent_atlas.report.crate import write_archive

with job(snakemake):
    write_archive(
        Project(snakemake.config),
        list(snakemake.input),
        read_table(snakemake.input.provenance),
        Path(snakemake.output.archive),
    )
