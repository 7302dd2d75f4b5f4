"""What is kept of every epoch: validation losses, and one image's reconstruction."""

import numpy as np
import torch
from torch import Tensor

from latent_atlas.config.experiments import Experiment
from latent_atlas.models.base import LatentModel, per_sample_terms
from latent_atlas.models.posterior import draw_noise
from latent_atlas.streams import set_streams, stream_states, torch_streams
from latent_atlas.training.checkpoints import State
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.objective import batch_loss
from latent_atlas.training.steps import likelihood_sums

GROWTH_EPOCHS = 48


class EpochRecords:
    """Call it after each epoch. `validation` collects [S,3] (loss, reconstruction_mse, kl_nats),
    means over the validation images by a sampled code and without dropout; `growth` the first
    image, the validation set's where there is one, reconstructed by each seed, [S,pixels] uint8,
    at `GROWTH_EPOCHS` epochs at most, evenly spaced, the last among them; of a GAN, whose codes are
    not of images, what one code decodes to."""

    def __init__(
        self, experiment: Experiment, seeds: list[int], images: SeedImages, validation=None
    ):
        self.experiment, self.seeds = experiment, seeds
        self.validation_images: SeedImages | None = validation
        self.shown = (validation or images).pixels[:, :1].clamp(0, 255).to(torch.uint8)
        self.noising = torch_streams(experiment.id, seeds, "validation")
        epochs = experiment.epochs
        kept = np.linspace(1, epochs, min(epochs, GROWTH_EPOCHS)).round().astype(int)
        self.epochs = kept.tolist()
        self.validation: list[Tensor] = []
        self.growth: list[Tensor] = []

    @torch.no_grad()
    def __call__(self, epoch: int, model: LatentModel, table: Tensor | None) -> None:
        if self.validation_images is not None:
            self.validation.append(self.validate(model))
        if epoch in self.epochs:
            self.growth.append(self._reconstruct(model, table))

    def validate(self, model: LatentModel) -> Tensor:
        """[S,3] on the CPU; batches of the training's size."""
        images, settings = self.validation_images, self.experiment.training
        parameter = next(model.parameters())
        noise, size = None, settings.batch_size
        if model.posterior_kind:
            noise = draw_noise(model.posterior_kind, (images.count, model.latent), self.noising)
            noise = noise.to(parameter)
        sums = torch.zeros(3, len(self.seeds), device=parameter.device, dtype=parameter.dtype)
        for start in range(0, images.count, size):
            index = torch.arange(start, min(start + size, images.count), device=parameter.device)
            index = index.expand(len(self.seeds), -1)
            x = images.batch(index, parameter.dtype)
            part = None if noise is None else noise[:, start : start + size]
            target = images.target(index, x)
            terms = per_sample_terms(model, x, target, part, settings.objective)
            loss = batch_loss(terms, x.shape[-1], settings.objective)
            sums += likelihood_sums(loss, terms, x)
        return (sums / images.count).T.cpu()

    def _reconstruct(self, model: LatentModel, table: Tensor | None) -> Tensor:
        parameter = next(model.parameters())
        if table is not None:
            inputs = table[:, :1]
        elif model.table_width:
            streams = torch_streams(self.experiment.id, self.seeds, "growth")
            inputs = model.initial_table(1, streams).to(parameter)
        else:
            inputs = self.shown.expand(len(self.seeds), -1, -1).to(parameter) / 255
        mean, _ = model.posterior(inputs)
        return (model.decode(mean)[:, 0] * 255).round().to(torch.uint8).cpu()

    def state(self) -> State:
        kept = {"validation": self.validation, "growth": self.growth}
        stacked = {name: torch.stack(tensors) for name, tensors in kept.items() if tensors}
        return stacked | {"noising": stream_states(self.noising)}

    def restore(self, state: State) -> None:
        self.validation, self.growth = (
            list(state.get(name, ())) for name in ("validation", "growth")
        )
        set_streams(self.noising, state["noising"])

    def history(self) -> dict[str, np.ndarray]:
        """ "validation" → [E,S,3]; empty where nothing is held out."""
        if self.validation_images is None:
            return {}
        return {"validation": torch.stack(self.validation).double().numpy()}

    def growth_tensors(self, s: int) -> dict[str, np.ndarray]:
        """Of the `s`-th seed: `image` [pixels], `reconstructions` [kept,pixels], `epochs`
        [kept]."""
        image = self.shown[s if len(self.shown) > 1 else 0, 0]
        return {
            "image": image.cpu().numpy(),
            "reconstructions": torch.stack([kept[s] for kept in self.growth]).numpy(),
            "epochs": np.asarray(self.epochs[: len(self.growth)]),
        }
