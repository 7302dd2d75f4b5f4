from latent_atlas.figures.draw import draw_figure
from latent_atlas.job import job

with job(snakemake):
    draw_figure(
        snakemake.params.spec,
        snakemake.input.data,
        snakemake.output,
        snakemake.params.code,
    )
