from latent_atlas.job import job
from latent_atlas.latents.task import latents_task

with job(snakemake) as tasks:
    for task in tasks:
        latents_task(task, snakemake.threads, snakemake.config)
