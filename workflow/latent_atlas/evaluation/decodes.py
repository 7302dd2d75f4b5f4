"""What decoded codes look like: samples, paths, grids, walks; and the images that figures show."""

import numpy as np
import torch

from latent_atlas.evaluation import detail, paths, samples, walks
from latent_atlas.evaluation.subject import Subject, grey_levels
from latent_atlas.streams import numpy_stream

SHOWN = 10
PATH_POINTS = 7
PATHS_A_GRID = 5
CORNER_POINTS = 10
WALKERS = 16


class DecodeMeasures(Subject):
    """Fills the table from decoded codes."""

    def measure_decodes(self) -> dict[str, np.ndarray]:
        """uint8 images by name, [S,…,pixels]."""
        shown = self._samples() | self._paths() | self._corners()
        return shown | self._walks() if self.experiment.has_prior else shown

    def fitted_codes(self, n: int) -> torch.Tensor:
        """[S,n,d] from a Gaussian fitted to each seed's training codes."""
        train = self.codes["train"][0].cpu().numpy()
        streams = [numpy_stream(self.experiment.id, s, "fitted-latents") for s in self.seeds]
        drawn = [samples.fitted_gaussian(c, n, g) for c, g in zip(train, streams, strict=True)]
        return torch.from_numpy(np.stack(drawn))

    def mixture_codes(self, n: int) -> torch.Tensor:
        """[S,n,d] from a mixture of Gaussians fitted to each seed's training codes."""
        train = self.codes["train"][0].cpu().numpy()
        streams = [numpy_stream(self.experiment.id, s, "mixture-latents") for s in self.seeds]
        drawn = [samples.fitted_mixture(c, n, g) for c, g in zip(train, streams, strict=True)]
        return torch.from_numpy(np.stack(drawn))

    def _samples(self) -> dict[str, np.ndarray]:
        """Decoded test codes and random ones; for a GAN, which has no training codes, those of
        its prior alone."""
        n = self.random_count
        test = self.codes["test"][0][:, :n]
        decoded = {"test": self.decode(test), "random": self.decode(self.random_codes(n))}
        if self.model.learns_codes:
            decoded["fitted"] = self.decode(self.fitted_codes(n))
            decoded["mixture"] = self.decode(self.mixture_codes(n))
        codes = test.cpu().numpy()
        streams = [numpy_stream(self.experiment.id, s, "neighbour-steps") for s in self.seeds]
        moved = [samples.neighbour_steps(c, g) for c, g in zip(codes, streams, strict=True)]
        change = np.linalg.norm(self.decode(np.stack(moved)) - decoded["test"], axis=2)
        for s, seed in enumerate(self.seeds):
            real_train, real_test = self.real("train", s), self.real("test", s)[:n]
            to_training = samples.nearest_training(real_train, real_test)[0]
            limit = np.quantile(to_training, 0.95)
            spread = samples.mean_pairwise_distance(real_test)
            measured = {
                "neighbour_change": change[s].mean() / spread,
                "neighbour_change_q95": np.quantile(change[s], 0.95) / spread,
                "control_random_codes_mse": np.mean(
                    (decoded["random"][s][: len(real_test)] - real_test) ** 2
                ),
                "detail_ratio": self._high_frequencies(decoded["test"][s])
                / self._high_frequencies(real_test),
            }
            for kind, images in decoded.items():
                distance, row = samples.nearest_training(real_train, images[s])
                near = samples.precision_recall_density_coverage(real_test, images[s])
                diversity = samples.mean_pairwise_distance(images[s]) / spread
                measured |= {
                    f"{kind}_density": near["density"],
                    f"{kind}_coverage": near["coverage"],
                    f"{kind}_within_real": (distance <= limit).mean(),
                    f"{kind}_nearest_training": distance.mean() / to_training.mean(),
                    f"{kind}_diversity": diversity,
                }
                if kind == "random":
                    nearest = self.all_labels["train"][s][row]
                    for number, name in enumerate(self.classes):
                        measured[f"random_share/{name}"] = (nearest == number).mean()
            for metric, value in measured.items():
                self.add(metric, "test", [value], [seed])
        real = np.stack([self.real("test", s)[:SHOWN] for s in range(len(self.seeds))])
        return {
            "test_images": grey_levels(real),
            "test_labels": self.labels["test"][:, :n],
            **{f"{kind}_decodes": grey_levels(images) for kind, images in decoded.items()},
        }

    def _high_frequencies(self, images: np.ndarray) -> float:
        return detail.high_frequency_energy(images.reshape(-1, *self.shape))

    def _paths(self) -> dict[str, np.ndarray]:
        codes = self.codes["test"][0].cpu().numpy()
        pairs = [
            paths.pairs_of_classes(
                labels,
                self.settings.paths,
                numpy_stream(self.experiment.dataset, seed, "path-pairs"),
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
            images = self.decode_nested(z)
            self.add(f"{kind}_roughness", "test", [paths.roughness(i).mean() for i in images])
            shown[kind] = grey_levels(images)
        return shown

    def _corners(self) -> dict[str, np.ndarray]:
        """Grids between four test images of different classes; the first one is shown."""
        codes = self.codes["test"][0].cpu().numpy()
        count = max(1, self.settings.paths // PATHS_A_GRID)
        streams = [numpy_stream(self.experiment.dataset, s, "corners") for s in self.seeds]
        grids = np.stack(
            [
                paths.corner_grid(
                    of_seed[paths.corners_of_classes(labels, count, stream)], CORNER_POINTS
                )
                for of_seed, labels, stream in zip(codes, self.labels["test"], streams, strict=True)
            ]
        )
        images = self.decode_nested(grids)
        lines = np.stack([images, images.swapaxes(2, 3)], 1)
        rough = [paths.roughness(i.reshape(-1, CORNER_POINTS, i.shape[-1])).mean() for i in lines]
        self.add("corner_roughness", "test", rough)
        return {"corners": grey_levels(images[:, 0])}

    def _walks(self) -> dict[str, np.ndarray]:
        """Straight lines between random codes; walks along single coordinates, those that the
        study names and those found to change a named property the most."""
        walkers = min(WALKERS, self.settings.paths)
        bases = self.random_codes(2 * walkers).numpy()
        half, other = bases[:, :walkers], bases[:, walkers:]
        lines = np.stack(
            [paths.straight(a, b, PATH_POINTS) for a, b in zip(half, other, strict=True)]
        )
        images = self.decode_nested(lines)
        rough = [paths.roughness(i).mean() for i in images]
        self.add("random_linear_roughness", "test", rough)
        shown = {"random_linear": grey_levels(images)}
        for number, walk in enumerate(self.experiment.walks):
            along = np.linspace(walk.low, walk.high, walk.points)
            codes = walks.coordinate_walk(half, walk.coordinate, along)
            images = self.decode_nested(codes)
            rough = [paths.roughness(i).mean() for i in images]
            self.add(f"walk_roughness/{number}", "test", rough)
            shown[f"walk_{number}_bases"] = grey_levels(images)
            grid = codes[:, :1]
            if walk.rows:
                down = np.linspace(walk.rows.low, walk.rows.high, walk.rows.points)
                grid = np.repeat(grid, len(down), 1)
                grid[..., walk.rows.coordinate] = down[:, None]
            shown[f"walk_{number}"] = grey_levels(self.decode_nested(grid))
        return shown | self._strongest(half, other)

    def _strongest(self, half: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
        """The coordinate with the strongest effect on each property is sought on one half of the
        random codes, its effect measured on the other."""

        def decode(codes: np.ndarray) -> np.ndarray:
            return self.decode(codes).reshape(*codes.shape[:2], *self.shape)

        spreads = walks.property_spreads(decode(self.random_codes(self.random_count).numpy()))
        every = np.tile(np.arange(self.model.latent), (len(self.seeds), 1))
        along = np.linspace(-walks.SPAN, walks.SPAN, PATH_POINTS)
        shown = {}
        for name, effects in walks.coordinate_effects(decode, half, spreads, every).items():
            best = effects.argmax(1)[:, None]
            held = walks.coordinate_effects(decode, other, {name: spreads[name]}, best)
            self.add(f"{name}_coordinate", "test", best[:, 0])
            self.add(f"{name}_effect", "test", held[name][:, 0])
            self.add(f"{name}_effect_median", "test", np.median(effects, 1))
            codes = [
                walks.coordinate_walk(of_seed, coordinate, along)
                for of_seed, (coordinate,) in zip(other, best, strict=True)
            ]
            shown[f"strongest_{name}"] = grey_levels(self.decode_nested(np.stack(codes)))
            shown[f"coordinate_{name}"] = best[:, 0]
        return shown
