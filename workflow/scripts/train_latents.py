from latent_atlas.job import job
from latent_atlas.latents.task import latents_task
from latent_atlas.training.task import train_task

DONE_BY = {"train": train_task, "latents": latents_task}

with job(snakemake) as tasks:
    for task in tasks:
        DONE_BY[task.rule](task, snakemake.threads, snakemake.config)
