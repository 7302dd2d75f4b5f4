from functools import partial
from pathlib import Path

from latent_atlas.config.sweeps import Sweep
from latent_atlas.files import write_table
from latent_atlas.job import job, torch_device
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import KeptSeeds
from latent_atlas.training.sweep import sweep_frame, train_sweep

with job(snakemake):
    spec, output = snakemake.params.spec, snakemake.output
    sweep, base = Sweep.model_validate(spec["sweep"]), spec["base"]
    device = torch_device(base["device"], snakemake.threads)
    inputs = ExperimentInputs.load(base, snakemake.input, device)
    facts = inputs.facts(snakemake.params.code) | {"sweep": sweep.model_dump()}
    folder = Path(output.metrics).parent
    unfinished = Unfinished(folder / "unfinished", facts, snakemake.config["checkpoint_minutes"])
    make = partial(train_sweep, sweep, inputs, snakemake.input, unfinished)
    parts, costs = KeptSeeds(folder / "seeds", facts).trained(inputs.seeds, make)
    metrics = sweep_frame(sweep, inputs.experiment.dataset, inputs.seeds, parts)
    provenance = inputs.provenance() | {"sweep": sweep.model_dump()}
    write_table(output.metrics, metrics, **provenance)
    write_table(output.costs, costs, **provenance)
    unfinished.clear()
