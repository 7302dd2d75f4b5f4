"""The work of the rules train and train_part."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from latent_atlas.config.stacks import stacks_of
from latent_atlas.files import write_json, write_table, write_tensors
from latent_atlas.job import Task, torch_device
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.experiment import growth_of, history_of, train_seeds
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import KeptSeeds, living
from latent_atlas.training.store import save_weights


def train_task(task: Task, threads: int, config: Mapping) -> None:
    """Train the seeds that the task is for, but those that are kept; a part leaves no more than
    these. `config` is the whole configuration."""
    device = torch_device(task.spec["device"], threads)
    inputs = ExperimentInputs.load(task.spec, task.input, device)
    output, provenance = task.output, inputs.provenance()
    facts, folder = inputs.facts(task.code), Path(next(iter(output.values()))).parent
    unfinished = Unfinished(folder / "unfinished" / task.part, facts, config["checkpoint_minutes"])
    kept, make = KeptSeeds(folder / "seeds", facts), partial(train_seeds, inputs, unfinished)
    stacks = partial(stacks_of, most=config["max_seeds_per_job"])
    every, costs = kept.trained(inputs.seeds, make, stacks)
    if task.part:
        write_json(output["part"], {"seeds": inputs.seeds})
    else:
        seeds, parts = living(inputs.experiment.id, inputs.seeds, every, costs, kept.folder)
        save_weights(output["weights"], parts, seeds, inputs.seeds)
        write_tensors(output["growth"], growth_of(parts), shape=inputs.dataset.shape)
        write_table(output["history"], history_of(parts, seeds, inputs), **provenance)
        write_table(output["costs"], costs, **provenance)
    unfinished.clear()
