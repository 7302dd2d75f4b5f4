from latent_atlas.classification.features import train_features
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.job import job, torch_device

with job(snakemake.log[0]):
    torch_device("cpu", snakemake.threads)
    dataset = DatasetConfig.model_validate(snakemake.params.dataset)
    train_features(dataset, snakemake.input, snakemake.params.steps, snakemake.output.weights)
