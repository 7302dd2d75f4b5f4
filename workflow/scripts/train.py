from latent_atlas.files import write_table, write_tensors
from latent_atlas.job import job, torch_device
from latent_atlas.training.copies import training_sets
from latent_atlas.training.costs import cost_frame
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.loop import steps_per_epoch, train
from latent_atlas.training.records import EpochRecords
from latent_atlas.training.store import history_frame, save_weights

with job(snakemake.log[0]):
    device = torch_device(snakemake.params.spec["device"], snakemake.threads)
    inputs = ExperimentInputs.load(snakemake.params.spec, snakemake.input, device)
    experiment, (images, validation) = inputs.experiment, training_sets(inputs)
    records = EpochRecords(experiment, inputs.seeds, images, validation)
    trained = train(experiment, inputs.seeds, images, device, after_epoch=records)
    history = history_frame(
        {"train": trained.history, **records.history()},
        trained.batches,
        trained.terms,
        experiment.id,
        inputs.seeds,
        steps_per_epoch(experiment, images.count),
    )
    save_weights(snakemake.output.weights, trained, inputs.seeds)
    write_tensors(snakemake.output.growth, records.growth_tensors(), shape=inputs.dataset.shape)
    write_table(snakemake.output.history, history, **inputs.provenance())
    write_table(snakemake.output.costs, cost_frame(trained, inputs), **inputs.provenance())
