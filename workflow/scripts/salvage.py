from latent_atlas.config.paths import Paths
from latent_atlas.config.project import Project
from latent_atlas.job import job
from latent_atlas.report.salvage import write_salvaged

with job(snakemake):
    write_salvaged(
        Paths(Project(snakemake.config)),
        list(snakemake.params.spec["recorded"]),
        snakemake.output.page,
    )
