"""Spoilt images and moved codes, through a model whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latent_atlas.config.corruptions import CORRUPTIONS
from latent_atlas.evaluation.robustness import RobustnessMeasures, spoil
from latent_atlas.evaluation.stability import StabilityMeasures, unit_steps
from latent_atlas.training.loop import SeedImages


class Copying(torch.nn.Module):
    """Its code is the image, `gain` times as bright."""

    posterior_kind = "gaussian"

    def __init__(self, gain):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))

    def posterior(self, inputs, dropout=None):
        return inputs * self.gain, None

    def decode(self, z, dropout=None):
        return z


class Measures(RobustnessMeasures, StabilityMeasures):
    def __init__(self, gain=1.0, logvar=None, n=40):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (n, 1, 28, 28), dtype=np.uint8)
        images[n // 2 :] = 255 * (images[n // 2 :] > 200)
        self.experiment = SimpleNamespace(
            id="copying", dataset="made", model=SimpleNamespace(family="mlp-vae")
        )
        self.seeds, self.shape, self.model = [0, 1], (1, 28, 28), Copying(gain)
        self.images = {"test": SeedImages.select(images, np.tile(np.arange(n), (2, 1)), "cpu")}
        self.all_labels = {"test": np.tile(np.arange(n) % 2, (2, 1))}
        mean = (self.images["test"].pixels / 255).expand(2, -1, -1)
        spread = None if logvar is None else torch.full_like(mean, logvar)
        self.codes = {"test": (mean, spread)}
        self.rows = []

    def values(self, metric):
        return self.value(metric, "test")


class Brightness:
    """A classifier that finds class 1 in images with more than one bright pixel in five."""

    def classes(self, images):
        return ((images > 127).mean(-1) > 0.2).astype(int)


def test_a_copier_errs_as_the_spoilt_image_does():
    measures = Measures()
    shown = measures.measure_robustness(Brightness())
    for name in CORRUPTIONS:
        error, control = (
            measures.values(f"{metric}/{name}")
            for metric in ("corrupted_mse", "control_corrupted_mse")
        )
        assert error == pytest.approx(control)
        assert error[0] > 0
        assert (shown[f"spoilt_{name}"] == shown[f"spoilt_{name}_decodes"]).all()
        agreement = measures.values(f"corrupted_agreement/{name}")
        assert agreement == measures.values(f"control_corrupted_agreement/{name}")
    assert measures.values("code_shift/clean") == [0, 0]
    assert measures.values("code_shift/noise-2")[0] > measures.values("code_shift/noise-0.1")[0]
    assert measures.values("extra_pixels_removed") == [0, 0]
    assert measures.values("gaps_filled") == [0, 0]
    assert shown["spoilt_clean"].shape == (2, 10, 784)


def test_unclipped_noise_has_the_error_of_its_variance_and_a_black_model_that_of_the_images():
    measures = Measures()
    measures.measure_robustness(Brightness())
    assert measures.values("corrupted_mse/unclipped-0.3") == pytest.approx([0.09] * 2, rel=0.02)
    assert measures.values("corrupted_mse/unclipped-2") == pytest.approx([4] * 2, rel=0.02)
    assert measures.values("corrupted_mse/noise-2")[0] < 1
    black = Measures(gain=0.0)
    clean = np.square(black.images["test"].pixels.numpy() / 255).mean()
    black.measure_robustness(Brightness())
    assert black.values("code_shift/flips-0.1") == [], "its codes are all one"
    assert black.values("corrupted_mse/flips-0.1") == pytest.approx([clean] * 2, rel=1e-5)
    assert black.values("extra_pixels_removed") == [1, 1]
    assert black.values("gaps_filled") == [0, 0]


def test_a_data_set_is_always_spoilt_alike():
    images = np.random.default_rng(0).random((5, 1, 28, 28), dtype=np.float32)
    for name in CORRUPTIONS:
        assert (spoil(images, name, "made") == spoil(images, name, "made")).all()
    assert (spoil(images, "noise-1", "made") != spoil(images, "noise-1", "other")).any()
    assert spoil(images, "clean", "made") is images


def test_steps_have_length_1_and_draws_the_posteriors_spread():
    steps = unit_steps(np.zeros((50, 7)), np.random.default_rng(0))
    assert np.linalg.norm(steps, axis=1) == pytest.approx(np.ones(50))
    measures = Measures(logvar=np.log(0.25))
    measures.measure_stability()
    pixels = measures.images["test"].pixels[0].numpy() / 255
    real = np.mean([np.linalg.norm(a - b) for a in pixels for b in pixels if a is not b])
    assert measures.values("unit_step_change") == pytest.approx([1 / real] * 2, rel=0.05)
    assert measures.values("unit_step_roughness") == pytest.approx([1, 1], rel=1e-3)
    expected = np.sqrt(2 * 784 * 0.25) / real
    assert measures.values("posterior_spread") == pytest.approx([expected] * 2, rel=0.05)
    assert not Measures().measure_stability()
