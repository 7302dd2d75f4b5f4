"""Metrics against closed forms."""

import gzip
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latent_atlas.datasets.idx import parse_idx
from latent_atlas.evaluation import controls, detail, paths, progress, samples, structure
from latent_atlas.evaluation.codes import CodeMeasures
from latent_atlas.evaluation.embeddings import embedding_frame
from latent_atlas.evaluation.reconstruction import frobenius_per_number, psnr_db


def test_mean_image_and_pca_closed_forms():
    rng = np.random.default_rng(0)
    low_rank = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40)) + 5
    assert controls.pca_mse(low_rank[:40], 3, low_rank[40:])[0] < 1e-20
    assert controls.pca_mse(low_rank[:40], 2, low_rank[40:])[0] > 1e-3
    train, test = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 0.0]])
    assert controls.mean_image_mse(train, test) == pytest.approx((0.5**2 + 1) / 2)


def test_both_ways_to_the_principal_components_agree():
    data = np.random.default_rng(0).normal(size=(30, 20)) * np.arange(1, 21)
    (wide,) = controls.pca_mse(data, 5, data)
    spectrum = np.linalg.svd(data - data.mean(0), compute_uv=False)
    assert wide == pytest.approx((spectrum[5:] ** 2).sum() / data.size)
    padded = np.pad(data, ((0, 0), (0, 20)))
    assert controls.pca_mse(padded, 5, padded) == [pytest.approx(wide / 2)]


def test_randomised_principal_components_of_large_images():
    data = np.random.default_rng(0).normal(size=(40, controls.MOST_EXACT + 100))
    data[:, :8] *= np.geomspace(300, 40, 8)
    spectrum = np.linalg.svd(data - data.mean(0), compute_uv=False)
    found = controls.pca_mse(data, 8, data)
    assert found == [pytest.approx((spectrum[8:] ** 2).sum() / data.size, rel=1e-4)]
    assert found == controls.pca_mse(data, 8, data)
    assert controls.pca_mse(data, 40, data) == [pytest.approx(0, abs=1e-12)], "as many as images"


def test_pca_64_on_mnist(mirror):
    """Measured reference of the studies page: .00905 on the standard split."""
    images = {
        split: parse_idx(
            gzip.decompress((mirror / f"mnist/{name}-images-idx3-ubyte.gz").read_bytes()), name
        ).reshape(-1, 784)
        / np.float32(255)
        for split, name in (("train", "train"), ("test", "t10k"))
    }
    assert controls.pca_mse(images["train"], 64, images["test"]) == [
        pytest.approx(0.00905, abs=0.0001)
    ]
    assert controls.mean_image_mse(images["train"], images["test"]) == pytest.approx(
        0.06747, abs=0.0001
    )


def test_frobenius_is_a_mean_of_batch_means():
    """40 images: a batch of 32 and one of 8 weigh the same."""
    sse = torch.full((1, 40), 0.5, dtype=torch.float64)
    expected = (math.sqrt(32 * 0.5) / (32 * 784) + math.sqrt(8 * 0.5) / (8 * 784)) / 2
    assert frobenius_per_number(sse, 784, 32).item() == pytest.approx(expected)
    full = frobenius_per_number(sse[:, :32], 784, 32).item()
    assert full == pytest.approx(math.sqrt(0.5 / 784 / 25088))


def test_psnr():
    assert psnr_db(0.01) == pytest.approx(20)
    assert psnr_db(0.0) == math.inf


def test_pairwise_distance_and_nearest_training_image():
    corners = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert samples.mean_pairwise_distance(corners) == pytest.approx(5)
    distance, row = samples.nearest_training(corners, np.array([[3.0, 3.0]]))
    assert (distance[0], row[0]) == (pytest.approx(1), 1)


def test_active_units_silhouette_and_neighbours():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(size=(500, 3)), 0.05 * rng.normal(size=(500, 2))], axis=1)
    assert structure.active_units(codes) == 3
    labels = np.arange(60) % 2
    apart = rng.normal(size=(60, 4)) * 0.01 + labels[:, None]
    assert structure.silhouette(apart, labels) > 0.95
    assert (structure.knn_classes(apart, labels, apart) == labels).all()
    assert structure.half_knn_accuracy(apart, labels) == 1.0
    assert math.isnan(structure.silhouette(apart, np.zeros(60)))
    assert math.isnan(structure.silhouette(apart, np.arange(60))), "one point in each class"


def test_the_five_nearest_codes_decide():
    """Three of class 1 among them; of the six nearest, as many of class 0."""
    codes = np.arange(1.0, 11.0)[:, None]
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 0])
    assert structure.knn_classes(codes, labels, np.zeros((1, 1))).tolist() == [1]


def test_the_second_half_is_asked_of_the_first():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(201, 2)), rng.integers(0, 2, 201)
    found = structure.knn_classes(points[:100], labels[:100], points[100:])
    assert structure.half_knn_accuracy(points, labels) == np.mean(found == labels[100:])


def test_distances_are_from_the_maps_median():
    rng = np.random.default_rng(0)
    radius, angle = np.arange(1, 101), rng.uniform(0, 2 * np.pi, 100)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    points = np.concatenate([points, -points]) + np.array([1000, -1000])
    norms = np.tile(radius, 2)
    assert structure.norm_radius_correlation(points, norms) > 0.999


@pytest.mark.filterwarnings("error")
def test_codes_that_are_all_alike_have_no_structure_to_tell_of():
    """As an encoder's are that has saturated."""
    codes, points = np.tile([0.0, 1, 1], (50, 1)), np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_array_equal(structure.pca_variance(codes), [np.nan, np.nan])
    assert np.isnan(structure.norm_radius_correlation(points, np.linalg.norm(codes, axis=1)))


class Codes(CodeMeasures):
    """Of two seeds: codes around 0 or 1 by class, found of a third of the training images."""

    def __init__(self):
        self.experiment, self.seeds, self.classes = SimpleNamespace(id="x"), [0, 1], ["a", "b"]
        self.groups, self.found = None, {}
        rng = np.random.default_rng(0)
        self.labels = {"train": rng.integers(0, 2, (2, 900)), "test": rng.integers(0, 2, (2, 40))}
        self.fitted = {}
        for split, n in (("train", 300), ("test", 40)):
            codes = self.labels[split][:, :n, None] + 0.01 * rng.normal(size=(2, n, 3))
            self.fitted[split] = (torch.from_numpy(codes), None)

    def add(self, metric, split, values, seeds=None):
        self.found[metric, *seeds] = values[0]


def test_structure_is_that_of_the_codes_that_were_found():
    """An auto-decoder's training codes may be found of the first images alone."""
    codes = Codes()
    codes._structure()
    for seed in (0, 1):
        for metric in ("knn_accuracy", "linear_probe_accuracy", "pair_accuracy/a+b"):
            assert codes.found[metric, seed] == 1
        assert codes.found["silhouette", seed] > 0.9


def test_overlap_ranks_name_the_pair_that_is_mistaken_most():
    labels = np.repeat([0, 1, 2], 10)
    found = labels.copy()
    found[:4], found[10:12], found[20] = 1, 0, 1
    assert structure.overlap_ranks(labels, found, 3) == {(0, 1): 1, (1, 2): 2, (0, 2): 3}


def test_overlap_is_the_share_of_a_pairs_codes():
    """One of 12 is more than one of 20; a class without codes is last with all its pairs."""
    labels = np.repeat([0, 1, 2], [10, 10, 2])
    found = labels.copy()
    found[0], found[20] = 1, 0
    ranks = structure.overlap_ranks(labels, found, 4)
    assert (ranks[0, 2], ranks[0, 1]) == (1, 2)
    assert {ranks[pair] for pair in ((1, 2), (0, 3), (1, 3), (2, 3))} == {4.5}


def test_pca_variance():
    codes = np.random.default_rng(0).normal(size=(4000, 3)) * [3, 2, 1]
    np.testing.assert_allclose(structure.pca_variance(codes), [9 / 14, 4 / 14], atol=0.02)


def test_high_frequencies_are_what_a_blur_takes_away():
    images = np.random.default_rng(0).random((5, 1, 28, 28))
    constant = np.ones((1, 1, 28, 28))
    stripes = np.tile([0.0, 1.0], 14)[None, None, None] * np.ones((1, 1, 28, 1))
    blurred = (images + np.roll(images, 1, 2) + np.roll(images, 1, 3)) / 3
    energy = detail.high_frequency_energy
    assert energy(constant) == pytest.approx(0, abs=1e-9)
    assert energy(stripes) == pytest.approx((28 * 28 / 2) ** 2)
    assert energy(blurred) < 0.5 * energy(images)


def test_progress_of_a_loss():
    losses = np.linspace(1, 0, 43)
    assert progress.late_gain(losses) == pytest.approx(23 / 42)
    assert math.isnan(progress.late_gain(losses[::-1]))
    assert progress.epochs_until_below(losses, 0.5) == 23
    assert progress.epochs_until_below(losses, -1) == 44


def test_a_batch_loss_falls_early_or_late():
    early = np.r_[np.linspace(1, 0, 200), np.zeros(400)]
    assert progress.early_fall(early) == pytest.approx(1, abs=1e-9)
    assert progress.early_fall(np.linspace(1, 0, 600)) == pytest.approx(1 / 3, abs=0.02)
    assert math.isnan(progress.early_fall(early[::-1]))
    assert progress.early_fall(np.array([3.0, 1.0])) == 1


def test_oscillation_is_about_the_trend():
    waves = np.tile([1.0, -1.0], 500)
    assert progress.oscillation(np.linspace(9, 3, 1000)) == pytest.approx(0, abs=1e-9)
    assert progress.oscillation(waves + np.linspace(9, 3, 1000)) == pytest.approx(1, rel=1e-3)


def test_pairs_of_classes_apart_and_mixed():
    rng = np.random.default_rng(0)
    labels = np.arange(900) % 3
    codes = rng.normal(size=(900, 2)) + np.where(labels == 2, 50, 0)[:, None]
    found = structure.pair_accuracies(codes[:600], labels[:600], codes[600:], labels[600:])
    assert found[0, 2] == found[1, 2] == 1
    assert found[0, 1] == pytest.approx(0.5, abs=0.1)
    few = structure.pair_accuracies(codes[:600], labels[:600] % 2, codes[600:], labels[600:])
    assert set(few) == {(0, 1)}, "no training code of class 2"


def test_groups_of_classes_count_alike():
    """Of 8 animals 6 are found as animals, of 2 vehicles 1: the mean of .75 and .5."""
    groups = np.array([0, 0, 1])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    found = np.array([1, 0, 1, 0, 1, 0, 2, 2, 2, 0])
    assert structure.group_accuracy(labels, found, groups) == 0.625


def test_a_fitted_gaussian_has_the_codes_moments():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 3)) @ np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0]]) + [5, 0, 1]
    drawn = samples.fitted_gaussian(codes, 200_000, rng)
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.05)


def test_steps_reach_as_far_as_the_nearest_neighbour():
    codes = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    moved = samples.neighbour_steps(codes, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(moved - codes, axis=1), [5, 1, 1])


def test_norm_radius_correlation():
    angle = np.linspace(0, 2 * math.pi, 100, endpoint=False)
    radius = np.linspace(1, 2, 100)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    assert structure.norm_radius_correlation(points, radius) > 0.9
    assert structure.norm_radius_correlation(points, -radius) < -0.9


def test_slerp_keeps_the_norm_and_turns_evenly():
    a, b = np.array([[2.0, 0.0]]), np.array([[0.0, 2.0]])
    path = paths.slerp(a, b, 7)[0]
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2)
    np.testing.assert_allclose(np.arctan2(path[:, 1], path[:, 0]), np.linspace(0, math.pi / 2, 7))
    grown = paths.slerp(a, 3 * b, 3)[0]
    np.testing.assert_allclose(np.linalg.norm(grown, axis=1), [2, 4, 6])


@pytest.mark.parametrize(
    ("a", "b"), [([1, 0], [-2, 0]), ([0, 0], [1, 1]), ([1, 2], [2, 4]), ([0, 0], [0, 0])]
)
def test_slerp_without_a_great_circle_is_straight(a, b):
    a, b = np.array([a], float), np.array([b], float)
    np.testing.assert_allclose(paths.slerp(a, b, 5), paths.straight(a, b, 5))


def test_roughness():
    even = np.linspace(0, 1, 7)[None, :, None] * np.ones((1, 1, 4))
    jump = np.repeat([0.0, 1.0], [3, 4])[None, :, None] * np.ones((1, 1, 4))
    np.testing.assert_allclose(paths.roughness(even), 1)
    np.testing.assert_allclose(paths.roughness(jump), 6)
    np.testing.assert_allclose(paths.roughness(np.zeros((1, 7, 4))), 1)


def test_a_corner_grid_is_bilinear():
    corners = np.random.default_rng(0).normal(size=(1, 4, 3))
    grid = paths.corner_grid(corners, 5)[0]
    np.testing.assert_allclose(grid[[0, 0, -1, -1], [0, -1, 0, -1]], corners[0])
    np.testing.assert_allclose(grid[2, 2], corners[0].mean(0))


def test_corners_have_four_classes():
    labels = np.repeat(range(6), 10)
    rows = paths.corners_of_classes(labels, 20, np.random.default_rng(0))
    assert all(len(set(labels[four])) == 4 for four in rows)


def test_pairs_have_different_classes():
    labels = np.repeat([0, 1, 2], 10)
    pairs = paths.pairs_of_classes(labels, 50, np.random.default_rng(0))
    assert (labels[pairs[:, 0]] != labels[pairs[:, 1]]).all()


def test_embeddings_repeat_and_hold_every_point():
    codes = np.random.default_rng(0).normal(size=(2, 40, 6)).astype(np.float32)
    labels = np.tile(np.arange(40) % 4, (2, 1))
    frame = embedding_frame("x", [0, 3], codes, labels)
    assert frame.groupby(["seed", "method"]).size().to_dict() == {
        (0, "pca"): 40,
        (0, "tsne"): 40,
        (3, "pca"): 40,
        (3, "tsne"): 40,
    }
    assert frame.equals(embedding_frame("x", [0, 3], codes, labels))
    alone = embedding_frame("x", [3], codes[1:], labels[1:])
    assert frame[frame.seed == 3].reset_index(drop=True).equals(alone)


def test_two_dimensional_codes_are_a_map_of_their_own():
    codes = np.random.default_rng(0).normal(size=(1, 2100, 2)).astype(np.float32)
    frame = embedding_frame("flat", [0], codes, np.zeros((1, 2100), int))
    assert frame.groupby("method").size().to_dict() == {"codes": 2100, "pca": 2000, "tsne": 2000}
    shown = frame[frame.method == "codes"]
    assert (shown[["x", "y"]].to_numpy() == codes[0]).all()


@pytest.mark.parametrize("value", [1.0, 2.1223275e-05])
def test_maps_of_a_collapsed_encoder(value):
    """Rounding leaves a standard deviation above 0, on which t-SNE would crash."""
    codes = np.full((1, 2000, 5), value, np.float32)
    frame = embedding_frame("collapsed", [0], codes, np.arange(2000)[None] % 3)
    assert np.allclose(frame[["x", "y"]], 0)
    assert set(frame.method) == {"tsne", "pca"}
