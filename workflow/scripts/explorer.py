from latent_atlas.config.project import Project
from latent_atlas.job import job
from latent_atlas.report.explorer import write_explorer

with job(snakemake):
    write_explorer(
        Project(snakemake.config),
        snakemake.input.maps,
        snakemake.input.tensors,
        snakemake.output.page,
    )
