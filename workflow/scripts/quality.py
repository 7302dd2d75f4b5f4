from latent_atlas.classification.features import Features
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.evaluation.quality import Quality
from latent_atlas.files import write_table
from latent_atlas.job import job, torch_device

with job(snakemake):
    torch_device("cpu", snakemake.threads)
    spec = snakemake.params.spec
    dataset = DatasetConfig.model_validate(spec["dataset"])
    quality = Quality(Features(dataset, snakemake.input.features), snakemake.input, spec["samples"])
    frame = quality.frame(spec, snakemake.input.samples)
    write_table(snakemake.output.metrics, frame, **quality.provenance(spec))
