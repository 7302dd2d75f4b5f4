"""What training cost: seconds, images a second, memory. Not part of any result."""

import torch

from latent_atlas.memory import peak_mib
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.loop import Trained


def cost_of(trained: Trained, inputs: ExperimentInputs) -> dict[str, object]:
    """Seconds of the loop for all seeds together, seed-images a second, peak memory."""
    epochs = inputs.experiment.epochs
    seen = trained.images_seen * len(inputs.seeds)
    parameters = sum(stacked[0].numel() for stacked in trained.model.state_dict().values())
    row = cost_row(inputs.experiment.id, epochs, parameters, trained.seconds, seen, inputs.device)
    diverged = "; ".join(map(str, trained.diverged.values()))
    return row | {"seeds": len(inputs.seeds), "diverged": diverged}


def cost_row(
    run: str, epochs: int, parameters: int, seconds: float, images: int, device: str
) -> dict[str, object]:
    """What one training cost, `images` counted as often as they were seen; the peak memory is the
    process's so far."""
    return {
        "experiment": run,
        "epochs": epochs,
        "parameters": parameters,
        "train_seconds": seconds,
        "images_per_second": images / seconds,
        "peak_memory_mib": peak_mib(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
    }
