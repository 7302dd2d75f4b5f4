"""The work of the rule latents."""

from collections.abc import Mapping
from pathlib import Path

from latent_atlas.files import sha256_file, write_tensors
from latent_atlas.job import Task, torch_device
from latent_atlas.latents.fit import find_codes
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.inputs import ExperimentInputs


def latents_task(task: Task, threads: int, config: Mapping) -> None:
    """Find the codes of training and test images of the experiment that the task is for. `config`
    is the whole configuration."""
    device = torch_device(task.spec["device"], threads)
    inputs = ExperimentInputs.load(task.spec, task.input, device)
    model, _ = inputs.load_model(task.input["weights"])
    facts = inputs.facts(task.code) | {"weights": sha256_file(task.input["weights"])}
    folder = Path(task.output["test"]).parent
    unfinished = Unfinished(folder / "unfinished", facts, config["checkpoint_minutes"])
    for split in ("train", "test"):
        codes = find_codes(model, inputs, split, unfinished)
        write_tensors(
            task.output[split],
            codes | {"labels": inputs.labels[split][:, : codes["mean"].shape[1]]},
            seeds=inputs.seeds,
        )
    unfinished.clear()
