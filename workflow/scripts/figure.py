from latent_atlas.figures.draw import draw_figure
from latent_atlas.job import job

with job(snakemake) as tasks:
    for task in tasks:
        draw_figure(task.spec, task.input["data"], task.output, task.code)
