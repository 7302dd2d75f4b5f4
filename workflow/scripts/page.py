from latent_atlas.config.project import Project
from latent_atlas.job import job
from latent_atlas.report.page import write_page

with job(snakemake.log[0]):
    write_page(
        Project(snakemake.params.settings),
        snakemake.input,
        next(iter(snakemake.params.template)),
        list(snakemake.params.recorded),
        snakemake.output.page,
    )
