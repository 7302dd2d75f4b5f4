from pathlib import Path

from latent_atlas.files import sha256_file, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.latents.fit import find_codes
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.inputs import ExperimentInputs

with job(snakemake) as tasks:
    minutes = snakemake.config["checkpoint_minutes"]
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ExperimentInputs.load(task.spec, task.input, device)
        model, _ = inputs.load_model(task.input["weights"])
        facts = inputs.facts(task.code) | {"weights": sha256_file(task.input["weights"])}
        unfinished = Unfinished(Path(task.output["test"]).parent / "unfinished", facts, minutes)
        for split in ("train", "test"):
            codes = find_codes(model, inputs, split, unfinished)
            write_tensors(
                task.output[split],
                codes | {"labels": inputs.labels[split][:, : codes["mean"].shape[1]]},
                seeds=inputs.seeds,
            )
        unfinished.clear()
