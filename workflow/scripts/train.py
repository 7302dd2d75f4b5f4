from functools import partial
from pathlib import Path

from latent_atlas.files import write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.experiment import growth_of, history_of, train_seeds
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import KeptSeeds, living
from latent_atlas.training.store import save_weights

with job(snakemake) as tasks:
    minutes = snakemake.config["checkpoint_minutes"]
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ExperimentInputs.load(task.spec, task.input, device)
        folder, facts = Path(task.output["weights"]).parent, inputs.facts(task.code)
        unfinished = Unfinished(folder / "unfinished", facts, minutes)
        make = partial(train_seeds, inputs, task.input, unfinished)
        kept = KeptSeeds(folder / "seeds", facts)
        every, costs = kept.trained(inputs.seeds, make)
        run, output, provenance = inputs.experiment.id, task.output, inputs.provenance()
        seeds, parts = living(run, inputs.seeds, every, costs, kept.folder)
        save_weights(output["weights"], parts, seeds, inputs.seeds)
        write_tensors(output["growth"], growth_of(parts), shape=inputs.dataset.shape)
        write_table(output["history"], history_of(parts, seeds, inputs), **provenance)
        write_table(output["costs"], costs, **provenance)
        unfinished.clear()
