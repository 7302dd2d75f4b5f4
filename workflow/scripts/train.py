from functools import partial
from pathlib import Path

from latent_atlas.config.stacks import stacks_of
from latent_atlas.files import write_json, write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.experiment import growth_of, history_of, train_seeds
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import KeptSeeds, living
from latent_atlas.training.store import save_weights

with job(snakemake) as tasks:
    minutes = snakemake.config["checkpoint_minutes"]
    most = snakemake.config["max_seeds_per_job"]
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ExperimentInputs.load(task.spec, task.input, device)
        run, output, provenance = inputs.experiment.id, task.output, inputs.provenance()
        facts, folder = inputs.facts(task.code), Path(next(iter(output.values()))).parent
        unfinished = Unfinished(folder / "unfinished" / task.part, facts, minutes)
        kept = KeptSeeds(folder / "seeds", facts)
        make, stacks = partial(train_seeds, inputs, unfinished), partial(stacks_of, most=most)
        every, costs = kept.trained(inputs.seeds, make, stacks)
        if task.part:
            write_json(output["part"], {"seeds": inputs.seeds})
            unfinished.clear()
            continue
        seeds, parts = living(run, inputs.seeds, every, costs, kept.folder)
        save_weights(output["weights"], parts, seeds, inputs.seeds)
        write_tensors(output["growth"], growth_of(parts), shape=inputs.dataset.shape)
        write_table(output["history"], history_of(parts, seeds, inputs), **provenance)
        write_table(output["costs"], costs, **provenance)
        unfinished.clear()
