from latent_atlas.evaluation.embeddings import embedding_frame
from latent_atlas.files import read_tensor_metadata, read_tensors, write_table
from latent_atlas.job import job

with job(snakemake) as tasks:
    for task in tasks:
        codes = read_tensors(task.input["latents"])
        seeds = read_tensor_metadata(task.input["latents"])["seeds"]
        name = task.wildcards["experiment"]
        frame = embedding_frame(name, seeds, codes["mean"], codes["labels"])
        write_table(task.output["maps"], frame)
