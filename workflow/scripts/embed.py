from latent_atlas.evaluation.embeddings import embedding_frame
from latent_atlas.files import read_tensors, write_table
from latent_atlas.job import job

with job(snakemake):
    codes = read_tensors(snakemake.input.latents)
    frame = embedding_frame(
        snakemake.wildcards.experiment,
        snakemake.params.spec["seeds"],
        codes["mean"],
        codes["labels"],
    )
    write_table(snakemake.output.maps, frame)
