from functools import partial
from pathlib import Path

from latent_atlas.config.sweeps import Sweep
from latent_atlas.files import write_json, write_table
from latent_atlas.job import job, torch_device
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import KeptSeeds
from latent_atlas.training.sweep import SweepTraining, sweep_frame

with job(snakemake) as (task,):
    spec, output, config = task.spec, task.output, snakemake.config
    sweep, members = Sweep.model_validate(spec["sweep"]), spec["members"]
    device = torch_device(spec["base"]["device"], snakemake.threads)
    inputs = ExperimentInputs.load(spec["base"], task.input, device)
    facts = inputs.facts(task.code) | {"sweep": sweep.id, "epochs": sweep.epochs}
    folder = Path(next(iter(output.values()))).parent
    unfinished = Unfinished(folder / "unfinished" / task.part, facts, config["checkpoint_minutes"])
    points = sweep.named_points()
    kept = KeptSeeds(folder / "seeds", facts, lambda member: points[member[0]])
    stacks = partial(sweep.stacks, inputs.experiment.model.family, most=config["max_seeds_per_job"])
    parts, costs = kept.trained(members, SweepTraining(sweep, inputs, unfinished), stacks)
    if task.part:
        write_json(output["part"], {"members": members})
    else:
        metrics = sweep_frame(sweep, inputs.experiment.dataset, members, parts)
        provenance = inputs.provenance() | {"sweep": sweep.model_dump()}
        write_table(output["metrics"], metrics, **provenance)
        write_table(output["costs"], costs, **provenance)
    unfinished.clear()
