from latent_atlas.classification import results
from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.classification.train import ClassifierTraining
from latent_atlas.files import write_table, write_tensors
from latent_atlas.job import job, torch_device

with job(snakemake.log[0]):
    device = torch_device(snakemake.params.spec["device"], snakemake.threads)
    inputs = ClassifierInputs.load(snakemake.params.spec, snakemake.input, device)
    name = inputs.classifier.id
    fits = [ClassifierTraining(inputs, s, name).run() for s in range(len(inputs.seeds))]
    predicted = results.predictions(fits, inputs)
    output, facts = snakemake.output, inputs.provenance()
    write_tensors(output.weights, results.stacked_weights(fits), seeds=inputs.seeds)
    write_tensors(output.predictions, predicted, seeds=inputs.seeds)
    write_table(output.history, results.history_frame(fits, inputs), **facts)
    write_table(output.metrics, results.metric_frame(predicted, inputs), **facts)
    write_table(output.costs, results.cost_frame(fits, inputs), **facts)
