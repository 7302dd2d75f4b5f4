"""Measures of sample quality against closed forms and published values."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import t

from latent_atlas.classification.features import Features, train_features
from latent_atlas.config.metrics import unit_of
from latent_atlas.errors import InputError
from latent_atlas.evaluation.quality import (
    Quality,
    frechet_distance,
    kernel_distance,
    sample_quality,
)
from latent_atlas.evaluation.samples import fitted_mixture, precision_recall_density_coverage
from latent_atlas.files import read_tensor_metadata, write_tensors


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_frechet_distance_of_a_set_with_itself_is_0():
    assert frechet_distance(normal(500, 16), normal(500, 16)) == pytest.approx(0, abs=1e-9)
    flat = np.hstack([normal(500, 4), np.zeros((500, 60))])
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-6), "features that are never on"


def test_frechet_distance_of_a_shifted_set_is_the_squared_shift():
    x, shift = normal(500, 16), normal(16, seed=1)
    assert frechet_distance(x, x + shift) == pytest.approx(shift @ shift, rel=1e-9)


def test_frechet_distance_of_gaussians_in_closed_form():
    """Axis-aligned: Σ (μ₁ − μ₂)² + (σ₁ − σ₂)²; whitened samples have these moments exactly."""
    x = normal(400, 3)
    x -= x.mean(0)
    x @= np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    scaled = x * [2, 0.5, 3] + [1, 0, 0]
    assert frechet_distance(x, scaled) == pytest.approx(1 + 1 + 0.25 + 4, rel=1e-9)


def test_kernel_distance_is_unbiased_on_equal_laws():
    values = [kernel_distance(*normal(2, 50, 8, seed=seed)) for seed in range(400)]
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)
    assert kernel_distance(normal(50, 8), normal(50, 8, seed=1) + 1) > 0.5


def test_kernel_distance_equals_its_definition():
    """Bińkowski et al. 2018, equation 4: means over pairs of different points."""
    x, y = normal(2, 20, 8)
    inside, across = (((a @ b.T / 8) + 1) ** 3 for a, b in ((x, x), (x, y)))
    other = (y @ y.T / 8 + 1) ** 3
    pairs = [k[~np.eye(20, dtype=bool)].mean() for k in (inside, other)]
    assert kernel_distance(x, y) == pytest.approx(sum(pairs) - 2 * across.mean())


def test_precision_recall_density_and_coverage_of_equal_and_of_distant_sets():
    real = normal(200, 8)
    same = precision_recall_density_coverage(real, real)
    assert same["precision"] == same["recall"] == same["coverage"] == 1.0
    assert same["density"] >= 1.0
    assert set(precision_recall_density_coverage(real, real + 100).values()) == {0.0}
    narrow = precision_recall_density_coverage(real, real[:20].repeat(10, 0))
    assert narrow["precision"] == 1.0
    assert narrow["recall"] < 0.2
    assert narrow["coverage"] < 0.7


def test_density_and_coverage_of_equal_laws():
    """Naeem et al. 2020: coverage is near 1 − 2⁻ᵏ and density near 1 for equal laws."""
    found = precision_recall_density_coverage(*normal(2, 2000, 64))
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.02)
    assert found["density"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
def test_the_published_check_of_precision_recall_density_and_coverage():
    """The example of its authors' package: two samples of N(0, I), 10,000 points in 1,000
    dimensions, k = 5. The published values are one draw: each lies in the 95 % prediction
    interval of ours over five seeds."""
    published = {"precision": 0.4772, "recall": 0.4705, "density": 1.0555, "coverage": 0.9735}
    draws = (normal(2, 10_000, 1_000, seed=seed).astype(np.float32) for seed in range(5))
    found = pd.DataFrame([precision_recall_density_coverage(*draw) for draw in draws])
    reach = t.ppf(0.975, len(found) - 1) * np.sqrt(1 + 1 / len(found)) * found.std()
    assert (reach < [0.05, 0.03, 0.2, 0.03]).all()
    assert ((found.mean() - pd.Series(published)).abs() < reach).all()


def test_a_fitted_mixture_has_the_modes_of_its_codes():
    centres = 10 * np.eye(4)
    codes = centres[np.arange(400) % 4] + normal(400, 4)
    drawn = fitted_mixture(codes, 2000, np.random.default_rng(0))
    distances = np.linalg.norm(drawn[:, None] - centres, axis=2)
    assert (distances.min(1) < 5).mean() > 0.99
    assert np.bincount(distances.argmin(1)) / 2000 == pytest.approx(np.full(4, 0.25), abs=0.05)
    assert (drawn == fitted_mixture(codes, 2000, np.random.default_rng(0))).all()


@pytest.fixture
def squares(published, tmp_path):
    """Bright and dark squares, the data set's configuration, its files and its classifier."""
    rng = np.random.default_rng(0)
    files = {}
    for split, n in (("train", 240), ("test", 60)):
        labels = np.arange(n) % 2
        images = rng.integers(0, 100, (n, 1, 28, 28)) + 150 * labels[:, None, None, None]
        files[split] = str(tmp_path / f"{split}.safetensors")
        stored = {"images": images.astype(np.uint8), "labels": labels.astype(np.int64)}
        write_tensors(files[split], stored, sha256=split)
    dataset = published.datasets["mnist"].model_copy(
        update={"id": "squares", "classes": ["dark", "bright"]}
    )
    weights = str(tmp_path / "features.safetensors")
    train_features(dataset, files, 40, weights)
    return dataset, files, weights


def test_features_are_named_and_reproducible(squares, tmp_path):
    dataset, files, weights = squares
    facts = read_tensor_metadata(weights)
    assert facts["dataset"] == "squares"
    assert (facts["layer"], facts["dimension"]) == ("hidden", 64)
    assert facts["accuracy_percent"] == 100
    train_features(dataset, files, 40, str(tmp_path / "again"))
    assert read_tensor_metadata(tmp_path / "again") == facts
    features = Features(dataset, weights)
    images = np.random.default_rng(1).integers(0, 256, (7, 784), np.uint8)
    assert features.of(images).shape == (7, 64)
    assert torch.get_num_threads() == 1


def test_features_of_another_shape_are_refused(squares):
    dataset, _, weights = squares
    other = dataset.model_copy(update={"shape": [3, 28, 28]})
    with pytest.raises(InputError, match="not the classifier of squares"):
        Features(other, weights)


def test_quality_of_stored_samples(squares, tmp_path):
    """Real images as samples come near the floor; noise does not; a walk from dark to bright
    changes its class, a still one does not."""
    dataset, files, weights = squares
    rng = np.random.default_rng(2)
    real = rng.integers(0, 100, (1, 60, 784)) + 150 * (np.arange(60) % 2)[:, None]
    still = np.repeat(real[:, :4, None], 3, 2)
    ramp = still + np.array([0, 60, 150])[:, None] * (still.mean(-1, keepdims=True) < 100)
    stored = {
        "test_decodes": real[:, :40],
        "random_decodes": real,
        "mixture_decodes": rng.integers(0, 256, (1, 60, 784)),
        "walk_0_bases": ramp,
        "walk_1_bases": still,
        "linear": ramp,
        "strongest_width": ramp,
    }
    path = str(tmp_path / "samples.safetensors")
    stored = {name: images.astype(np.uint8) for name, images in stored.items()}
    labels = np.array([[*np.arange(30) % 2, *(np.arange(10) + 1) % 2]])
    write_tensors(path, stored | {"test_labels": labels}, seeds=[3])
    spec = {"dataset": dataset.model_dump(), "experiments": {"model": [3]}}
    quality = Quality(Features(dataset, weights), files, 1000)
    assert quality.provenance(spec)["test_data"] == "test"
    frame = quality.frame(spec, [path])
    for column, only in (("experiment", "model"), ("seed", 3), ("split", "test")):
        assert set(frame[column]) == {only}
    assert set(frame.dataset) == {"squares"}
    assert list(frame.unit) == [unit_of(metric) for metric in frame.metric]
    value = frame.set_index("metric").value
    assert value["quality_images"] == 60
    assert value["real_label_agreement"] == 1
    assert value["test_label_agreement"] == 0.75, "ten of forty have the other label"
    assert value["random_frechet"] < 3 * value["real_frechet"] + 1e-6
    assert value["mixture_frechet"] > 10 * value["random_frechet"]
    assert value["random_feature_coverage"] > 0.8 > value["mixture_feature_coverage"]
    assert value["walk_class_change/0"] == 0.5
    assert value["walk_class_change/1"] == 0.0
    assert value["width_class_change"] == 0.5
    assert value["linear_feature_roughness"] >= 1
    fewer = Quality(Features(dataset, weights), files, 50)
    assert fewer.count == 50
    with pytest.raises(ValueError, match="60 random samples, 50 real images"):
        fewer.frame(spec, [path])


def test_all_measures_are_there():
    assert set(sample_quality(normal(40, 4), normal(40, 4, seed=1))) == {
        "frechet",
        "kid",
        "precision",
        "recall",
        "feature_density",
        "feature_coverage",
    }
