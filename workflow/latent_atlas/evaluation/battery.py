"""Every measurement of one experiment, and the images its figures show."""

import numpy as np
import pandas as pd
import torch

from latent_atlas.config.metrics import unit_of
from latent_atlas.evaluation import controls, paths, samples, structure
from latent_atlas.evaluation.reconstruction import frobenius_per_number, psnr_db, squared_errors
from latent_atlas.evaluation.stepped import stepped_evaluation
from latent_atlas.latents.fit import codes_of
from latent_atlas.models.base import LatentModel
from latent_atlas.models.posterior import draw_noise, kl_nats, sample
from latent_atlas.streams import numpy_stream, torch_streams
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.objective import effective_beta

SHOWN = 10
SHOWN_PATHS = 3
PATHS = 50
PATH_POINTS = 7
RANDOM_CODES = 1000
POSTERIOR_DRAWS = 200


class Battery:
    """Measurements of one trained stack.

    `codes` holds, for "train" and "test", posterior mean [S,N,d] and log variance (or None) found
    by the latents stage; `table` the latents that training left behind, or None.
    """

    def __init__(
        self,
        inputs: ExperimentInputs,
        model: LatentModel,
        table: torch.Tensor | None,
        codes: dict[str, tuple[torch.Tensor, torch.Tensor | None]],
    ):
        self.experiment, self.seeds = inputs.experiment, inputs.seeds
        self.classes, self.pixels = inputs.dataset.classes, inputs.pixels
        self.model, self.images, self.labels = model, inputs.images, inputs.labels
        self.fitted = codes
        self.codes = dict(codes)
        if table is not None:
            self.codes["train"] = codes_of(model, inputs.images["train"], table)
        self.rows: list[dict] = []

    def measure(self, maps: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """Tidy metrics, and uint8 images for the figures."""
        for split in ("train", "test"):
            self._reconstruction(split)
        self._generalisation()
        self._posterior()
        self._structure(maps)
        self._controls()
        if self.experiment.stepped_epochs:
            self._stepped()
        shown = self._samples() | self._paths()
        return pd.DataFrame(self.rows), shown

    def add(self, metric: str, split: str, values, seeds: list[int] | None = None) -> None:
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
                    "unit": unit_of(metric),
                }
            )

    def value(self, metric: str, split: str) -> list[float]:
        return [r["value"] for r in self.rows if r["metric"] == metric and r["split"] == split]

    def _reconstruction(self, split: str) -> None:
        objective = self.experiment.training.objective
        mean, logvar = self.codes[split]
        images = self.images[split]
        sse = squared_errors(self.model, mean, images)
        mse = sse.mean(1) / self.pixels
        size = self.experiment.training.batch_size
        frobenius = frobenius_per_number(sse, self.pixels, size)
        self.add("reconstruction_mse", split, mse)
        self.add("psnr_db", split, [psnr_db(float(m)) for m in mse])
        self.add("frobenius_per_number", split, frobenius)
        self.add("code_norm", split, mean.norm(dim=-1).mean(1))
        for number, name in enumerate(self.classes):
            chosen = torch.from_numpy(self.labels[split] == number)
            of_class = (sse * chosen).sum(1) / (chosen.sum(1) * self.pixels)
            self.add(f"reconstruction_mse/{name}", split, of_class)
        if logvar is None:
            is_mse = objective.reconstruction == "mse"
            self.add("total_loss", split, mse if is_mse else frobenius)
        else:
            z = self._draw(split)
            sampled = squared_errors(self.model, z, images).mean(1) / self.pixels
            exact = kl_nats(self.model.posterior_kind, mean, logvar).sum(-1).mean(1)
            gaussian = kl_nats("gaussian", mean, logvar).sum(-1).mean(1)
            trained_kl = gaussian if objective.kl == "gaussian" else exact
            self.add("reconstruction_mse_sampled", split, sampled)
            self.add("kl_nats", split, exact)
            self.add("total_loss", split, sampled + objective.kl_weight * trained_kl)
        if split == "train" and self.model.table_width:
            refit = squared_errors(self.model, self.fitted["train"][0], images)
            self.add("reconstruction_mse_refit", split, refit.mean(1) / self.pixels)

    def _draw(self, split: str) -> torch.Tensor:
        mean, logvar = self.codes[split]
        kind = self.model.posterior_kind
        streams = torch_streams(self.experiment.id, self.seeds, f"{split}-evaluation")
        return sample(kind, mean, logvar, draw_noise(kind, mean.shape[1:], streams).to(mean))

    def _generalisation(self) -> None:
        train = self.value("reconstruction_mse", "train")
        test = self.value("reconstruction_mse", "test")
        self.add("generalisation_gap", "test", [b / a for a, b in zip(train, test, strict=True)])

    def _posterior(self) -> None:
        mean, logvar = self.codes["test"]
        self.add("active_units", "test", [structure.active_units(m) for m in mean.cpu().numpy()])
        if logvar is None:
            return
        beta = effective_beta(self.pixels, self.experiment.training.objective)
        if beta is not None:
            self.add("beta_effective", "train", [beta] * len(self.seeds))
        kind = self.model.posterior_kind
        streams = torch_streams(self.experiment.id, self.seeds, "posterior-draws")
        total = torch.zeros_like(mean, dtype=torch.float64)
        squares = torch.zeros_like(total)
        for _ in range(POSTERIOR_DRAWS):
            noise = draw_noise(kind, mean.shape[1:], streams).to(mean)
            shift = (sample(kind, mean, logvar, noise) - mean).double() / (0.5 * logvar).exp()
            total += shift
            squares += shift.square()
        n = POSTERIOR_DRAWS
        variance = (squares - total.square() / n) / (n - 1)
        self.add("posterior_variance_ratio", "test", variance.mean((1, 2)))

    def _structure(self, maps: pd.DataFrame) -> None:
        train, test = (self.fitted[split][0].cpu().numpy() for split in ("train", "test"))
        labels = self.labels
        stack = range(len(self.seeds))
        self.add(
            "knn_accuracy",
            "test",
            [
                structure.knn_accuracy(train[s], labels["train"][s], test[s], labels["test"][s])
                for s in stack
            ],
        )
        self.add(
            "silhouette",
            "test",
            [structure.silhouette(test[s], labels["test"][s]) for s in stack],
        )
        by_seed = [maps[(maps.seed == seed) & (maps.method == "tsne")] for seed in self.seeds]
        self.add(
            "map_silhouette",
            "test",
            [structure.silhouette(m[["x", "y"]].to_numpy(), m.label.to_numpy()) for m in by_seed],
        )
        self.add(
            "map_norm_radius_spearman",
            "test",
            [
                structure.norm_radius_correlation(m[["x", "y"]].to_numpy(), m.norm.to_numpy())
                for m in by_seed
            ],
        )

    def _real(self, split: str, s: int) -> np.ndarray:
        pixels = self.images[split].pixels
        return pixels[s if len(pixels) > 1 else 0].cpu().numpy().astype(np.float32) / 255

    def _controls(self) -> None:
        """Where all seeds share their images, a control is computed once."""
        shared = len(self.images["train"].pixels) == 1
        for split in ("train", "test"):
            mean_image, pca = [], []
            for s in range(1 if shared else len(self.seeds)):
                train, images = self._real("train", s), self._real(split, s)
                mean_image.append(controls.mean_image_mse(train, images))
                pca.append(controls.pca_mse(train, images, self.model.latent))
            repeat = len(self.seeds) if shared else 1
            self.add("control_mean_image_mse", split, mean_image * repeat)
            self.add("control_pca_mse", split, pca * repeat)

    def _stepped(self) -> None:
        sets = [(self.codes[split][0], self.images[split]) for split in ("train", "test")]
        training = self.experiment.training
        losses = stepped_evaluation(
            self.model,
            sets,
            self.experiment.stepped_epochs,
            training.batch_size,
            training.learning_rate,
        )
        for split, loss in zip(("train", "test"), losses, strict=True):
            self.add("frobenius_per_number_stepped", split, loss)

    def random_codes(self, n: int) -> torch.Tensor:
        """[S,n,d] from the experiment's own law for random latents."""
        draw = torch.randn if self.experiment.random_latents == "normal" else torch.rand
        streams = torch_streams(self.experiment.id, self.seeds, "random-latents")
        return torch.stack([draw(n, self.model.latent, generator=g) for g in streams])

    def _samples(self) -> dict[str, np.ndarray]:
        n = min(RANDOM_CODES, self.images["test"].count)
        test = self.codes["test"][0][:, :n]
        decoded = {
            "test": self._decode(test),
            "random": self._decode(self.random_codes(n).to(test)),
        }
        for s, seed in enumerate(self.seeds):
            real_train, real_test = self._real("train", s), self._real("test", s)[:n]
            limit = np.quantile(samples.nearest_training(real_train, real_test)[0], 0.95)
            spread = samples.mean_pairwise_distance(real_test)
            for kind, images in decoded.items():
                distance, row = samples.nearest_training(real_train, images[s])
                density, coverage = samples.density_coverage(real_test, images[s])
                diversity = samples.mean_pairwise_distance(images[s]) / spread
                measured = {
                    f"{kind}_density": density,
                    f"{kind}_coverage": coverage,
                    f"{kind}_within_real": (distance <= limit).mean(),
                    f"{kind}_diversity": diversity,
                }
                if kind == "random":
                    nearest = self.labels["train"][s][row]
                    for number, name in enumerate(self.classes):
                        measured[f"random_share/{name}"] = (nearest == number).mean()
                for metric, value in measured.items():
                    self.add(metric, "test", [value], [seed])
        real = np.stack([self._real("test", s)[:SHOWN] for s in range(len(self.seeds))])
        return {
            "test_images": _grey(real),
            "test_decodes": _grey(decoded["test"][:, :SHOWN]),
            "random_decodes": _grey(decoded["random"][:, :SHOWN]),
        }

    def _paths(self) -> dict[str, np.ndarray]:
        codes = self.codes["test"][0].cpu().numpy()
        pairs = [
            paths.pairs_of_classes(
                labels, PATHS, numpy_stream(self.experiment.dataset, seed, "path-pairs")
            )
            for seed, labels in zip(self.seeds, self.labels["test"], strict=True)
        ]
        shown = {}
        for kind, path in (("slerp", paths.slerp), ("linear", paths.straight)):
            z = np.stack(
                [
                    path(of_seed[ends[:, 0]], of_seed[ends[:, 1]], PATH_POINTS)
                    for of_seed, ends in zip(codes, pairs, strict=True)
                ]
            )
            flat = torch.from_numpy(z.reshape(len(z), -1, z.shape[-1])).to(self.codes["test"][0])
            images = self._decode(flat).reshape(*z.shape[:3], -1)
            self.add(f"{kind}_roughness", "test", [paths.roughness(i).mean() for i in images])
            shown[kind] = _grey(images[:, :SHOWN_PATHS])
        return shown

    @torch.no_grad()
    def _decode(self, codes: torch.Tensor) -> np.ndarray:
        return self.model.decode(codes).cpu().numpy()


def _grey(images: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
