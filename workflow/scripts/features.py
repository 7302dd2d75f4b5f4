from latent_atlas.classification.features import train_features
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.job import job, torch_device

with job(snakemake):
    torch_device("cpu", snakemake.threads)
    dataset = DatasetConfig.model_validate(snakemake.params.spec["dataset"])
    train_features(
        dataset, snakemake.input, snakemake.params.spec["steps"], snakemake.output.weights
    )
