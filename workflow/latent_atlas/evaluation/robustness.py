"""How well spoilt images are reconstructed by models that encode."""

import numpy as np
import torch

from latent_atlas.classification.features import Features
from latent_atlas.config.battery import MOST_IMAGES
from latent_atlas.config.corruptions import CLEAN, CORRUPTIONS
from latent_atlas.config.networks import ENCODERS
from latent_atlas.datasets.corruptions import flipped_pixels, gaussian_noise, occluded
from latent_atlas.evaluation.samples import mean_pairwise_distance
from latent_atlas.evaluation.subject import Subject, grey_levels
from latent_atlas.latents.fit import BLOCK
from latent_atlas.streams import numpy_stream

SHOWN = 10
SPECKS = "flips-0.02"


def spoil(images: np.ndarray, name: str, dataset: str) -> np.ndarray:
    """Images [N,C,H,W] in [0, 1] spoilt as `name` of `CORRUPTIONS` says; always in the same way on
    one data set."""
    if name == CLEAN:
        return images
    kind, severity = CORRUPTIONS[name]
    rng = numpy_stream(dataset, name)
    if kind in ("noise", "unclipped"):
        return gaussian_noise(images, rng, severity, clip=kind == "noise")
    if kind == "flips":
        return flipped_pixels(images, rng, severity)
    return occluded(images, rng, kind, severity, "random")


class RobustnessMeasures(Subject):
    """Fills the table from reconstructions of spoilt test images, the first 2,000 at most; the same
    ones for every model of a data set."""

    def measure_robustness(self, features: Features) -> dict[str, np.ndarray]:
        """uint8 spoilt images and their reconstructions by name, [S,shown,pixels]; none where
        nothing encodes. Codes that are all one are not said to move."""
        if self.experiment.model.family not in ENCODERS:
            return {}
        pixels = self.images["test"].pixels[:, :MOST_IMAGES].cpu().numpy()
        clean = pixels.astype(np.float32) / 255
        labels = self.all_labels["test"][:, : clean.shape[1]]
        kept, shown = self._reconstructed(clean)[0], {}
        spread = [mean_pairwise_distance(codes) for codes in kept]
        for name in (CLEAN, *CORRUPTIONS):
            pictures = clean.reshape(*clean.shape[:2], *self.shape)
            spoilt = np.stack(
                [spoil(of_seed, name, self.experiment.dataset) for of_seed in pictures]
            )
            spoilt = spoilt.reshape(clean.shape)
            codes, decoded = self._reconstructed(spoilt)
            moved = np.linalg.norm(codes - kept, axis=2).mean(1)
            for seed, distance, between in zip(self.seeds, moved, spread, strict=True):
                if between > 0:
                    self.add(f"code_shift/{name}", "test", [distance / between], [seed])
            self._add(f"corrupted_mse/{name}", _mse(decoded, clean))
            self._add(f"corrupted_agreement/{name}", _agreement(features, decoded, labels))
            self._add(f"control_corrupted_mse/{name}", _mse(spoilt, clean))
            self._add(f"control_corrupted_agreement/{name}", _agreement(features, spoilt, labels))
            if name == SPECKS:
                self._specks(clean, spoilt, decoded)
            several = np.broadcast_to(spoilt[:, :SHOWN], decoded[:, :SHOWN].shape)
            shown[f"spoilt_{name}"] = grey_levels(several)
            shown[f"spoilt_{name}_decodes"] = grey_levels(decoded[:, :SHOWN])
        return shown

    def _add(self, metric: str, values: np.ndarray) -> None:
        """What is the same for all seeds is given once."""
        self.add(metric, "test", np.broadcast_to(values, len(self.seeds)))

    def _specks(self, clean: np.ndarray, spoilt: np.ndarray, decoded: np.ndarray) -> None:
        """What becomes of pixels that were flipped from dark to bright, and from bright to dark."""
        extra, gap = (clean < 0.5) & (spoilt > 0.5), (clean > 0.5) & (spoilt < 0.5)
        for metric, where, mended in (
            ("extra_pixels_removed", extra, decoded < 0.5),
            ("gaps_filled", gap, decoded > 0.5),
        ):
            counts = where.sum((1, 2))
            if counts.all():
                self._add(metric, (where & mended).sum((1, 2)) / counts)

    @torch.no_grad()
    def _reconstructed(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean codes [S,N,d] and what they decode to [S,N,pixels], of images [1 or S,N,pixels]."""
        parameter, codes, decoded = next(self.model.parameters()), [], []
        for part in torch.from_numpy(images).split(BLOCK, 1):
            mean, _ = self.model.posterior(part.to(parameter).expand(len(self.seeds), -1, -1))
            codes.append(mean.cpu().numpy())
            decoded.append(self.model.decode(mean).cpu().numpy())
        return np.concatenate(codes, 1), np.concatenate(decoded, 1)


def _mse(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """[S] or [1], of images [1 or S,N,pixels]."""
    return np.square(images - clean, dtype=np.float64).mean((1, 2))


def _agreement(features: Features, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of images [1 or S,N,pixels] that the classifier takes for their class, [S] or [1]."""
    found = np.stack([features.classes(grey_levels(of_seed)) for of_seed in images])
    return (found == labels[: len(found)]).mean(1)
