from latent_atlas.config.sweeps import Sweep
from latent_atlas.files import write_table
from latent_atlas.job import job, torch_device
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.sweep import train_sweep

with job(snakemake.log[0]):
    sweep, base = (
        Sweep.model_validate(snakemake.params.spec["sweep"]),
        snakemake.params.spec["base"],
    )
    device = torch_device(base["device"], snakemake.threads)
    inputs = ExperimentInputs.load(base, snakemake.input, device)
    metrics, costs = train_sweep(sweep, inputs)
    facts = inputs.provenance() | {"sweep": sweep.model_dump()}
    write_table(snakemake.output.metrics, metrics, **facts)
    write_table(snakemake.output.costs, costs, **facts)
