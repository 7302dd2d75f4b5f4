from latent_atlas.job import job
from latent_atlas.training.task import train_task

with job(snakemake) as tasks:
    for task in tasks:
        train_task(task, snakemake.threads, snakemake.config)
