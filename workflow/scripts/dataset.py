from pathlib import Path

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.datasets.build import build_dataset
from latent_atlas.datasets.fetch import mirror
from latent_atlas.job import job

with job(snakemake):
    build_dataset(
        DatasetConfig.model_validate(snakemake.params.spec["dataset"]),
        mirror(snakemake.config["data_mirror"]),
        Path("downloads") / snakemake.wildcards.dataset,
        {"train": Path(snakemake.output.train), "test": Path(snakemake.output.test)},
    )
