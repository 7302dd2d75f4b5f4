from latent_atlas.files import write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.latents.fit import find_codes
from latent_atlas.training.inputs import ExperimentInputs

with job(snakemake):
    device = torch_device(snakemake.params.spec["device"], snakemake.threads)
    inputs = ExperimentInputs.load(snakemake.params.spec, snakemake.input, device)
    model, _ = inputs.load_model(snakemake.input.weights)
    for split in ("train", "test"):
        codes = find_codes(model, inputs, split)
        write_tensors(
            snakemake.output[split],
            codes | {"labels": inputs.labels[split][:, : codes["mean"].shape[1]]},
            seeds=inputs.seeds,
        )
