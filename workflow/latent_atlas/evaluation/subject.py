"""The trained stack that is measured, and the table that its measurements fill."""

import numpy as np
import torch

from latent_atlas.config.battery import BatterySettings
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.metrics import unit_of
from latent_atlas.latents.fit import BLOCK, codes_of
from latent_atlas.models.base import LatentModel
from latent_atlas.streams import torch_streams
from latent_atlas.training.inputs import ExperimentInputs


class Subject:
    """A trained stack with images, labels and codes; `rows` is the tidy table.

    `codes` holds, for "train" and "test", posterior mean [S,N,d] and log variance (or None) found
    by the latents stage, of the first images of each split where it found only those; `table` the
    latents that training left behind, or None. `coded` and `labels` are those of the codes.
    `groups` [classes] numbers each class's group, or is None.
    """

    def __init__(
        self,
        inputs: ExperimentInputs,
        model: LatentModel,
        table: torch.Tensor | None,
        codes: dict[str, tuple[torch.Tensor, torch.Tensor | None]],
        settings: BatterySettings,
    ):
        self.settings = settings
        self.experiment, self.seeds = inputs.experiment, inputs.seeds
        self.classes, self.pixels = inputs.dataset.classes, inputs.pixels
        self.shape = inputs.dataset.shape
        self.groups = _groups(inputs.dataset)
        self.model, self.images, self.all_labels = model, inputs.images, inputs.labels
        self.random_count = min(settings.samples, *inputs.dataset.sizes.values())
        self.fitted, self.table = codes, table
        self.codes = dict(codes)
        if table is not None:
            self.codes["train"] = codes_of(model, inputs.images["train"], table)
        if "validation" in inputs.images:
            self.codes["validation"] = codes_of(model, inputs.images["validation"], None)
        counts = {split: mean.shape[1] for split, (mean, _) in self.codes.items()}
        self.coded = {split: inputs.images[split].first(n) for split, n in counts.items()}
        self.labels = {split: inputs.labels[split][:, :n] for split, n in counts.items()}
        self.rows: list[dict] = []

    def add(
        self, metric: str, split: str, values, seeds: list[int] | None = None, unit: str = ""
    ) -> None:
        """One row a seed."""
        for seed, value in zip(seeds or self.seeds, values, strict=True):
            self.rows.append(
                {
                    "experiment": self.experiment.id,
                    "seed": seed,
                    "dataset": self.experiment.dataset,
                    "split": split,
                    "metric": metric,
                    "value": float(value),
                    "unit": unit or unit_of(metric),
                }
            )

    def value(self, metric: str, split: str) -> list[float]:
        return [r["value"] for r in self.rows if r["metric"] == metric and r["split"] == split]

    def real(self, split: str, s: int) -> np.ndarray:
        pixels = self.images[split].pixels
        return pixels[s if len(pixels) > 1 else 0].cpu().numpy().astype(np.float32) / 255

    def random_codes(self, n: int) -> torch.Tensor:
        """[S,n,d] from the experiment's own law for random latents."""
        law = self.experiment.random_latents
        draw = torch.randn if law == "normal" else torch.rand
        streams = torch_streams(self.experiment.id, self.seeds, "random-latents")
        codes = torch.stack([draw(n, self.model.latent, generator=g) for g in streams])
        if law != "range":
            return codes
        test = self.codes["test"][0].cpu().flatten(1)
        low, high = test.min(1).values[:, None, None], test.max(1).values[:, None, None]
        return low + (high - low) * codes

    def decode_nested(self, codes: np.ndarray) -> np.ndarray:
        """[S,…,d] → grey levels [S,…,pixels]."""
        flat = self.decode(codes.reshape(len(codes), -1, codes.shape[-1]))
        return flat.reshape(*codes.shape[:-1], -1)

    def decode(self, codes: torch.Tensor | np.ndarray) -> np.ndarray:
        """[S,n,d] → grey levels [S,n,pixels]."""
        return decoded(self.model, codes)


@torch.no_grad()
def decoded(model: LatentModel, codes: torch.Tensor | np.ndarray) -> np.ndarray:
    """Codes [S,n,d] → grey levels [S,n,pixels], in blocks."""
    codes = torch.as_tensor(codes).to(next(model.parameters()))
    return np.concatenate([model.decode(c).cpu().numpy() for c in codes.split(BLOCK, 1)], 1)


def grey_levels(images: np.ndarray) -> np.ndarray:
    """Grey levels in [0, 1], cut off there, as uint8."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _groups(dataset: DatasetConfig) -> np.ndarray | None:
    if not dataset.groups:
        return None
    number = {c: n for n, group in enumerate(dataset.groups.values()) for c in group}
    return np.array([number[name] for name in dataset.classes])
