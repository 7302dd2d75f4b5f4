from latent_atlas.classification.features import Features
from latent_atlas.config.battery import BatterySettings
from latent_atlas.evaluation.battery import Battery
from latent_atlas.evaluation.explorer import explorable
from latent_atlas.files import read_table, write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.latents.fit import load_codes
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.store import load_first

with job(snakemake) as tasks:
    for task in tasks:
        device = torch_device(task.spec["device"], snakemake.threads)
        inputs = ExperimentInputs.load(task.spec, task.input, device)
        model, table = inputs.load_model(task.input["weights"])
        codes = {
            "train": load_codes(task.input["train_latents"], device),
            "test": load_codes(task.input["test_latents"], device),
        }
        features = Features(inputs.dataset, task.input["features"])
        settings = BatterySettings.model_validate(task.spec["battery"])
        battery = Battery(inputs, model, table, codes, settings)
        shown = battery.measure(
            read_table(task.input["maps"]), read_table(task.input["history"]), features
        )
        battery.measure_own(snakemake.config["own_metrics"], task.spec["own_metrics"])
        first = load_first(task.input["weights"], inputs.experiment, inputs.dataset.shape)
        facts = inputs.provenance() | {"features": features.facts}
        write_table(task.output["metrics"], battery.frame(), **facts)
        write_tensors(task.output["samples"], shown, seeds=inputs.seeds, shape=inputs.dataset.shape)
        explored = explorable(battery, first.to(device))
        write_tensors(task.output["explorer"], explored, shape=inputs.dataset.shape)
