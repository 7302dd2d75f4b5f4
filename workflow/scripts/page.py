from latent_atlas.config.project import Project
from latent_atlas.job import job
from latent_atlas.report.page import write_page

with job(snakemake):
    write_page(
        Project(snakemake.config),
        snakemake.input,
        list(snakemake.params.spec["recorded"]),
        snakemake.output.page,
    )
