from functools import partial
from pathlib import Path

from latent_atlas.files import write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.training.experiment import growth_of, history_of, train_seeds
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import KeptSeeds
from latent_atlas.training.store import save_weights

with job(snakemake) as tasks:
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ExperimentInputs.load(task.spec, task.input, device)
        output, facts = task.output, inputs.provenance()
        kept = KeptSeeds(Path(output["weights"]).with_name("seeds"), inputs.facts(task.code))
        parts, costs = kept.trained(inputs.seeds, partial(train_seeds, inputs, task.input))
        save_weights(output["weights"], parts, inputs.seeds)
        write_tensors(output["growth"], growth_of(parts), shape=inputs.dataset.shape)
        write_table(output["history"], history_of(parts, inputs), **facts)
        write_table(output["costs"], costs, **facts)
