"""What codes are worth: reconstruction, posterior, structure, maps, controls."""

import numpy as np
import pandas as pd
import torch

from latent_atlas.evaluation import controls, progress, structure
from latent_atlas.evaluation.reconstruction import (
    cross_entropies,
    frobenius_per_number,
    psnr_db,
    squared_errors,
)
from latent_atlas.evaluation.stepped import stepped_evaluation
from latent_atlas.evaluation.subject import Subject
from latent_atlas.models.posterior import draw_noise, kl_nats, sample
from latent_atlas.streams import stream_seed, torch_streams
from latent_atlas.training.copies import leaked_share
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.objective import effective_beta, mean_loss

POSTERIOR_DRAWS = 200
MOST_PAIRED = 20


class CodeMeasures(Subject):
    """Fills the table from codes, their images and labels."""

    def measure_codes(self, maps: pd.DataFrame, history: pd.DataFrame) -> None:
        for split in self.codes:
            self._reconstruction(split)
        self._generalisation()
        self._posterior()
        self._structure()
        self._maps(maps)
        self._controls()
        self._progress(history)
        self._last_epochs(history)
        if self.experiment.stepped_epochs:
            self._stepped()
        parameters = sum(stacked[0].numel() for stacked in self.model.state_dict().values())
        self.add("parameters", "train", [parameters] * len(self.seeds))
        count = sum(images.count for images in self.images.values())
        self.add("dataset_images", "test", [count] * len(self.seeds))
        if self.experiment.augmentation:
            share = leaked_share(self.experiment, self.images["train"].count)
            self.add("leaked_share", "validation", [share] * len(self.seeds))

    def _reconstruction(self, split: str) -> None:
        objective = self.experiment.training.objective
        mean, logvar = self.codes[split]
        images = self.coded[split]
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
        elif logvar is None and self.model.learns_codes:
            error = self._training_errors(mean, images, sse)
            self.add("total_loss", split, mean_loss(error, 0.0, self.pixels, size, objective))
        if logvar is not None:
            z = self._draw(split)
            sampled = squared_errors(self.model, z, images)
            exact = kl_nats(self.model.posterior_kind, mean, logvar).sum(-1).mean(1)
            gaussian = kl_nats("gaussian", mean, logvar).sum(-1).mean(1)
            trained_kl = gaussian if objective.kl == "gaussian" else exact
            self.add("reconstruction_mse_sampled", split, sampled.mean(1) / self.pixels)
            self.add("kl_nats", split, exact)
            error = self._training_errors(z, images, sampled)
            total = mean_loss(error, trained_kl, self.pixels, size, objective)
            self.add("total_loss", split, total)
        if split == "train" and self.table is not None:
            found = self.fitted["train"][0]
            refit = squared_errors(self.model, found, images.first(found.shape[1]))
            self.add("reconstruction_mse_refit", split, refit.mean(1) / self.pixels)

    def _training_errors(
        self, codes: torch.Tensor, images: SeedImages, sse: torch.Tensor
    ) -> torch.Tensor:
        """Mean over images [S] of the error that was trained on; `sse` [S,N] is the squared one."""
        if self.experiment.training.objective.cross_entropy:
            return cross_entropies(self.model, codes, images).mean(1)
        return sse.mean(1)

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
        for s, seed in enumerate(self.seeds):
            labels, known = self.labels["test"][s], self.labels["train"][s, : train.shape[1]]
            found = structure.knn_classes(train[s], known, test[s])
            self.add("knn_accuracy", "test", [np.mean(found == labels)], [seed])
            self.add("silhouette", "test", [structure.silhouette(test[s], labels)], [seed])
            state = stream_seed(self.experiment.id, seed, "probe") % 2**32
            probed = structure.linear_probe_accuracy(train[s], known, test[s], labels, state)
            self.add("linear_probe_accuracy", "test", [probed], [seed])
            if len(self.classes) <= MOST_PAIRED:
                ranks = structure.overlap_ranks(labels, found, len(self.classes))
                accuracies = structure.pair_accuracies(train[s], known, test[s], labels)
                for metric, values in (("overlap_rank", ranks), ("pair_accuracy", accuracies)):
                    for (a, b), value in values.items():
                        pair = f"{self.classes[a]}+{self.classes[b]}"
                        self.add(f"{metric}/{pair}", "test", [value], [seed])
            if self.groups is not None:
                accuracy = structure.group_accuracy(labels, found, self.groups)
                self.add("group_accuracy", "test", [accuracy], [seed])
            for number, share in enumerate(structure.pca_variance(test[s]), 1):
                self.add(f"pca_variance_{number}", "test", [share], [seed])

    def _maps(self, maps: pd.DataFrame) -> None:
        for (seed, method), points in maps.groupby(["seed", "method"]):
            xy, labels = points[["x", "y"]].to_numpy(), points.label.to_numpy()
            if method == "codes":
                continue
            name = "map" if method == "tsne" else "pca_map"
            self.add(f"{name}_silhouette", "test", [structure.silhouette(xy, labels)], [seed])
            accuracy = structure.half_knn_accuracy(xy, labels)
            self.add(f"{name}_knn_accuracy", "test", [accuracy], [seed])
            codes = self.fitted["test"][0][self.seeds.index(seed), : len(xy)].cpu().numpy()
            kept = structure.map_trustworthiness(codes, xy)
            self.add(f"{name}_trustworthiness", "test", [kept], [seed])
            if method == "tsne":
                correlation = structure.norm_radius_correlation(xy, points.norm.to_numpy())
                self.add("map_norm_radius_spearman", "test", [correlation], [seed])

    def _progress(self, history: pd.DataFrame) -> None:
        """How the validation loss fell, where images were held out."""
        rows = history[history.split == "validation"].sort_values("epoch")
        bars = self.value("control_mean_image_mse", "test")
        for seed, bar in zip(self.seeds, bars, strict=True):
            of_seed = rows[rows.seed == seed].set_index("term").value
            if len(of_seed):
                losses = of_seed["reconstruction_mse"].to_numpy()
                self.add("validation_loss", "validation", [of_seed["loss"].iloc[-1]], [seed])
                until = progress.epochs_until_below(losses, bar)
                self.add("epochs_to_mean_image", "validation", [until], [seed])
                self.add("late_gain", "validation", [progress.late_gain(losses)], [seed])

    def _last_epochs(self, history: pd.DataFrame) -> None:
        """What the training loss came to, and of what; how single batches' losses ran."""
        objective = self.experiment.training.objective
        train, batches = (history[history.split == split] for split in ("train", "batch"))
        for seed in self.seeds:
            epochs = train[train.seed == seed].pivot(index="epoch", columns="term", values="value")
            if "loss" not in epochs:
                return
            last = epochs.iloc[-1]
            found = {"last_epoch_loss": last.loss, "last_epoch_kl_nats": last.kl_nats}
            if not objective.sum_images:
                weighted = objective.kl_weight * last.kl_nats
                found["last_epoch_reconstruction"] = last.loss - weighted
                found["last_epoch_kl_share"] = weighted / last.loss
            if len(epochs) > 1:
                found["last_epoch_fall"] = 1 - last.loss / epochs.iloc[-2].loss
            of_seed = batches[(batches.seed == seed) & (batches.term == "loss")]
            losses = of_seed.sort_values("step").value.to_numpy()
            if len(losses):
                late = losses[-(len(losses) // len(epochs)) :]
                found["early_fall"] = progress.early_fall(losses)
                found["loss_oscillation"] = progress.oscillation(late)
                found["loss_oscillation_relative"] = progress.oscillation(late) / late.mean()
            for metric, value in found.items():
                self.add(metric, "train", [value], [seed])

    def _controls(self) -> None:
        """Where all seeds share their images, a control is computed once."""
        shared = len(self.images["train"].pixels) == 1
        mean_image, pca = [], []
        for s in range(1 if shared else len(self.seeds)):
            train, test = self.real("train", s), self.real("test", s)
            mean_image.append([controls.mean_image_mse(train, images) for images in (train, test)])
            pca.append(controls.pca_mse(train, self.model.latent, train, test))
        repeat = len(self.seeds) if shared else 1
        for metric, rows in (("control_mean_image_mse", mean_image), ("control_pca_mse", pca)):
            for split, of_split in zip(("train", "test"), np.transpose(rows), strict=True):
                self.add(metric, split, np.tile(of_split, repeat))
        errors, bars = (
            self.value(metric, "test")
            for metric in ("reconstruction_mse", "control_mean_image_mse")
        )
        shares = [error / bar for error, bar in zip(errors, bars, strict=True)]
        self.add("unexplained_share", "test", shares)

    def _stepped(self) -> None:
        sets = [(self.codes[split][0], self.coded[split]) for split in ("train", "test")]
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
