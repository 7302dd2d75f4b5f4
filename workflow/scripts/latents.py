from latent_atlas.files import write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.latents.fit import find_codes
from latent_atlas.training.inputs import ExperimentInputs

with job(snakemake) as tasks:
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ExperimentInputs.load(task.spec, task.input, device)
        model, _ = inputs.load_model(task.input["weights"])
        for split in ("train", "test"):
            codes = find_codes(model, inputs, split)
            write_tensors(
                task.output[split],
                codes | {"labels": inputs.labels[split][:, : codes["mean"].shape[1]]},
                seeds=inputs.seeds,
            )
