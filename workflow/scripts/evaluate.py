from latent_atlas.classification.features import Features
from latent_atlas.config.battery import BatterySettings
from latent_atlas.evaluation.battery import Battery
from latent_atlas.evaluation.explorer import explorable
from latent_atlas.files import read_table, write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.latents.fit import load_codes
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.store import load_first

with job(snakemake):
    device = torch_device(snakemake.params.spec["device"], snakemake.threads)
    inputs = ExperimentInputs.load(snakemake.params.spec, snakemake.input, device)
    model, table = inputs.load_model(snakemake.input.weights)
    codes = {
        "train": load_codes(snakemake.input.train_latents, device),
        "test": load_codes(snakemake.input.test_latents, device),
    }
    features = Features(inputs.dataset, snakemake.input.features)
    settings = BatterySettings.model_validate(snakemake.params.spec["battery"])
    battery = Battery(inputs, model, table, codes, settings)
    metrics, shown = battery.measure(
        read_table(snakemake.input.maps),
        read_table(snakemake.input.history),
        features,
    )
    first = load_first(snakemake.input.weights, inputs.experiment, inputs.dataset.shape).to(device)
    write_table(snakemake.output.metrics, metrics, **inputs.provenance(), features=features.facts)
    write_tensors(snakemake.output.samples, shown, seeds=inputs.seeds, shape=inputs.dataset.shape)
    write_tensors(snakemake.output.explorer, explorable(battery, first), shape=inputs.dataset.shape)
