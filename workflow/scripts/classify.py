from functools import partial
from pathlib import Path

import pandas as pd

from latent_atlas.classification import results
from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.files import write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.kept import KeptSeeds, living, stacked

with job(snakemake) as tasks:
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ClassifierInputs.load(task.spec, task.input, device)
        output, provenance = task.output, inputs.provenance()
        folder, facts = Path(output["weights"]).parent, inputs.facts(task.code)
        minutes = snakemake.config["checkpoint_minutes"]
        unfinished = Unfinished(folder / "unfinished", facts, minutes)
        kept = KeptSeeds(folder / "seeds", facts, inputs.encoder_hash)
        make = partial(results.train_seed, inputs, unfinished)
        each = [kept.trained([seed], make) for seed in inputs.seeds]
        every = [part for found, _ in each for part in found]
        costs = pd.concat([rows for _, rows in each], ignore_index=True)
        seeds, parts = living(inputs.classifier.id, inputs.seeds, every, costs, kept.folder)
        predicted = stacked(parts, results.PREDICTED)
        write_tensors(output["weights"], stacked(parts, results.WEIGHTS), seeds=seeds)
        write_tensors(output["predictions"], predicted, seeds=seeds)
        write_table(output["history"], results.history_frame(parts, seeds, inputs), **provenance)
        write_table(output["metrics"], results.metric_frame(predicted, seeds, inputs), **provenance)
        write_table(output["costs"], costs, **provenance)
        unfinished.clear()
