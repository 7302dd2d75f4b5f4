"""Every measurement of one experiment, and the images its figures show."""

import itertools

import numpy as np
import pandas as pd
import torch

from latent_atlas.config.metrics import unit_of
from latent_atlas.evaluation import controls, detail, paths, progress, samples, structure
from latent_atlas.evaluation.reconstruction import frobenius_per_number, psnr_db, squared_errors
from latent_atlas.evaluation.stepped import stepped_evaluation
from latent_atlas.latents.fit import codes_of
from latent_atlas.models.base import LatentModel
from latent_atlas.models.posterior import draw_noise, kl_nats, sample
from latent_atlas.streams import numpy_stream, torch_streams
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.objective import effective_beta, mean_loss

SHOWN = 10
SHOWN_PATHS = 3
PATHS = 50
CORNERS = 10
CORNER_POINTS = 10
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
        self.shape = inputs.dataset.shape
        self.model, self.images, self.labels = model, inputs.images, inputs.labels
        self.fitted = codes
        self.codes = dict(codes)
        if table is not None:
            self.codes["train"] = codes_of(model, inputs.images["train"], table)
        if "validation" in inputs.images:
            self.codes["validation"] = codes_of(model, inputs.images["validation"], None)
        self.rows: list[dict] = []

    def measure(
        self, maps: pd.DataFrame, history: pd.DataFrame
    ) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """Tidy metrics, and uint8 images for the figures."""
        for split in self.codes:
            self._reconstruction(split)
        self._generalisation()
        self._posterior()
        self._structure()
        self._maps(maps)
        self._controls()
        self._progress(history)
        if self.experiment.stepped_epochs:
            self._stepped()
        shown = self._samples() | self._paths() | self._corners()
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
            chosen = torch.from_numpy(self.labels[split] == number).to(sse)
            if not chosen.any(1).all():
                continue
            of_class = (sse * chosen).sum(1) / (chosen.sum(1) * self.pixels)
            self.add(f"reconstruction_mse/{name}", split, of_class)
        if objective.reconstruction == "frobenius":
            self.add("total_loss", split, frobenius)
        elif logvar is None:
            self.add("total_loss", split, mean_loss(mse, 0.0, self.pixels, size, objective))
        if logvar is not None:
            z = self._draw(split)
            sampled = squared_errors(self.model, z, images).mean(1) / self.pixels
            exact = kl_nats(self.model.posterior_kind, mean, logvar).sum(-1).mean(1)
            gaussian = kl_nats("gaussian", mean, logvar).sum(-1).mean(1)
            trained_kl = gaussian if objective.kl == "gaussian" else exact
            self.add("reconstruction_mse_sampled", split, sampled)
            self.add("kl_nats", split, exact)
            total = mean_loss(sampled, trained_kl, self.pixels, size, objective)
            self.add("total_loss", split, total)
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

    def _structure(self) -> None:
        train, test = (self.fitted[split][0].cpu().numpy() for split in ("train", "test"))
        names = [f"overlap_rank/{a}+{b}" for a, b in itertools.combinations(self.classes, 2)]
        for s, seed in enumerate(self.seeds):
            labels = self.labels["test"][s]
            found = structure.knn_classes(train[s], self.labels["train"][s], test[s])
            self.add("knn_accuracy", "test", [np.mean(found == labels)], [seed])
            self.add("silhouette", "test", [structure.silhouette(test[s], labels)], [seed])
            ranks = structure.overlap_ranks(labels, found, len(self.classes))
            for name, rank in zip(names, ranks.values(), strict=True):
                self.add(name, "test", [rank], [seed])
            for number, share in enumerate(structure.pca_variance(test[s]), 1):
                self.add(f"pca_variance_{number}", "test", [share], [seed])

    def _maps(self, maps: pd.DataFrame) -> None:
        for (seed, method), points in maps.groupby(["seed", "method"]):
            xy, labels = points[["x", "y"]].to_numpy(), points.label.to_numpy()
            name = "map" if method == "tsne" else "pca_map"
            self.add(f"{name}_silhouette", "test", [structure.silhouette(xy, labels)], [seed])
            accuracy = structure.half_knn_accuracy(xy, labels)
            self.add(f"{name}_knn_accuracy", "test", [accuracy], [seed])
            if method == "tsne":
                correlation = structure.norm_radius_correlation(xy, points.norm.to_numpy())
                self.add("map_norm_radius_spearman", "test", [correlation], [seed])

    def _progress(self, history: pd.DataFrame) -> None:
        """How the validation loss fell, where images were held out."""
        rows = history[(history.split == "validation") & (history.term == "reconstruction_mse")]
        bars = self.value("control_mean_image_mse", "test")
        for seed, bar in zip(self.seeds, bars, strict=True):
            losses = rows[rows.seed == seed].sort_values("epoch").value.to_numpy()
            if len(losses):
                until = progress.epochs_until_below(losses, bar)
                self.add("epochs_to_mean_image", "validation", [until], [seed])
                self.add("late_gain", "validation", [progress.late_gain(losses)], [seed])

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
        law = self.experiment.random_latents
        draw = torch.randn if law == "normal" else torch.rand
        streams = torch_streams(self.experiment.id, self.seeds, "random-latents")
        codes = torch.stack([draw(n, self.model.latent, generator=g) for g in streams])
        if law != "range":
            return codes
        test = self.codes["test"][0].cpu().flatten(1)
        low, high = test.min(1).values[:, None, None], test.max(1).values[:, None, None]
        return low + (high - low) * codes

    def fitted_codes(self, n: int) -> torch.Tensor:
        """[S,n,d] from a Gaussian fitted to each seed's training codes."""
        train = self.codes["train"][0].cpu().numpy()
        streams = [numpy_stream(self.experiment.id, s, "fitted-latents") for s in self.seeds]
        drawn = [samples.fitted_gaussian(c, n, g) for c, g in zip(train, streams, strict=True)]
        return torch.from_numpy(np.stack(drawn))

    def _samples(self) -> dict[str, np.ndarray]:
        n = min(RANDOM_CODES, self.images["test"].count)
        test = self.codes["test"][0][:, :n]
        decoded = {
            "test": self._decode(test),
            "random": self._decode(self.random_codes(n)),
            "fitted": self._decode(self.fitted_codes(n)),
        }
        codes = test.cpu().numpy()
        streams = [numpy_stream(self.experiment.id, s, "neighbour-steps") for s in self.seeds]
        moved = [samples.neighbour_steps(c, g) for c, g in zip(codes, streams, strict=True)]
        change = np.linalg.norm(self._decode(np.stack(moved)) - decoded["test"], axis=2)
        for s, seed in enumerate(self.seeds):
            real_train, real_test = self._real("train", s), self._real("test", s)[:n]
            limit = np.quantile(samples.nearest_training(real_train, real_test)[0], 0.95)
            spread = samples.mean_pairwise_distance(real_test)
            measured = {
                "neighbour_change": change[s].mean() / spread,
                "neighbour_change_q95": np.quantile(change[s], 0.95) / spread,
                "detail_ratio": self._high_frequencies(decoded["test"][s])
                / self._high_frequencies(real_test),
            }
            for kind, images in decoded.items():
                distance, row = samples.nearest_training(real_train, images[s])
                density, coverage = samples.density_coverage(real_test, images[s])
                diversity = samples.mean_pairwise_distance(images[s]) / spread
                measured |= {
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
            "fitted_decodes": _grey(decoded["fitted"][:, :SHOWN]),
        }

    def _high_frequencies(self, images: np.ndarray) -> float:
        return detail.high_frequency_energy(images.reshape(-1, *self.shape))

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
            images = self._decode(z.reshape(len(z), -1, z.shape[-1])).reshape(*z.shape[:3], -1)
            self.add(f"{kind}_roughness", "test", [paths.roughness(i).mean() for i in images])
            shown[kind] = _grey(images[:, :SHOWN_PATHS])
        return shown

    def _corners(self) -> dict[str, np.ndarray]:
        """Grids between four test images of different classes; the first one is shown."""
        codes = self.codes["test"][0].cpu().numpy()
        streams = [numpy_stream(self.experiment.dataset, s, "corners") for s in self.seeds]
        grids = np.stack(
            [
                paths.corner_grid(
                    of_seed[paths.corners_of_classes(labels, CORNERS, stream)], CORNER_POINTS
                )
                for of_seed, labels, stream in zip(codes, self.labels["test"], streams, strict=True)
            ]
        )
        flat = self._decode(grids.reshape(len(grids), -1, grids.shape[-1]))
        images = flat.reshape(*grids.shape[:4], -1)
        lines = np.stack([images, images.swapaxes(2, 3)], 1)
        rough = [paths.roughness(i.reshape(-1, CORNER_POINTS, i.shape[-1])).mean() for i in lines]
        self.add("corner_roughness", "test", rough)
        return {"corners": _grey(images[:, 0])}

    @torch.no_grad()
    def _decode(self, codes: torch.Tensor | np.ndarray) -> np.ndarray:
        """[S,n,d] → grey levels [S,n,pixels]."""
        codes = torch.as_tensor(codes).to(next(self.model.parameters()))
        return self.model.decode(codes).cpu().numpy()


def _grey(images: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
