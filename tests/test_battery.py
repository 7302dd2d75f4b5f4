"""The battery's measurements against closed forms."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit
from sklearn.preprocessing import StandardScaler
from torch import nn

from latent_atlas.claims.reasons import DIVERGED, diverged_seeds, measured_rows, with_reasons
from latent_atlas.config.battery import BATTERY, MOST_IMAGES, why_not
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.metrics import unit_of
from latent_atlas.config.searches import with_values
from latent_atlas.datasets.splits import read_split
from latent_atlas.evaluation.likelihood import (
    LikelihoodMeasures,
    importance_bound,
    log_weights,
)
from latent_atlas.evaluation.reconstruction import squared_errors
from latent_atlas.evaluation.refinement import refined_errors
from latent_atlas.evaluation.structure import PROBE_STRENGTHS, active_units, linear_probe_accuracy
from latent_atlas.models.base import LatentModel
from latent_atlas.models.posterior import draw_noise, kl_nats, sample
from latent_atlas.streams import torch_streams
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.steps import LikelihoodStep


class LinearVae(LatentModel):
    """x̂ = Wz + b, mean code V(x − b), one log variance a dimension: the model of probabilistic PCA
    (Lucas et al. 2019)."""

    posterior_kind = "gaussian"

    def __init__(self, seeds: int, pixels: int, latent: int, dtype=torch.float32):
        super().__init__()
        stream = torch.Generator().manual_seed(0)
        self.latent = latent
        scale = pixels**-0.5
        draw = torch.randn(2, seeds, pixels, latent, generator=stream, dtype=dtype) * scale
        self.decoder, self.encoder = (nn.Parameter(d.clone()) for d in draw)
        self.bias = nn.Parameter(torch.zeros(seeds, 1, pixels, dtype=dtype))
        self.logvar = nn.Parameter(torch.zeros(seeds, 1, latent, dtype=dtype))

    def posterior(self, inputs, dropout=None):
        mean = (inputs - self.bias) @ self.encoder
        return mean, self.logvar.expand_as(mean)

    def decode(self, z, dropout=None):
        return z @ self.decoder.mT + self.bias


def images_of(n, pixels, seed=0):
    grey = np.random.default_rng(seed).integers(0, 256, (1, n, pixels), dtype=np.uint8)
    return SeedImages(torch.from_numpy(grey), (1, 1, pixels))


def exact_model(variance: float, pixels=6, latent=2):
    """A linear-Gaussian model in float64 whose encoder gives the true posterior's mean and, in the
    directions of W's columns, which are orthogonal, its variance."""
    model = LinearVae(1, pixels, latent, torch.float64)
    w = torch.linalg.qr(model.decoder[0]).Q * torch.tensor([1.5, 0.7])
    precision = w.square().sum(0) / variance + 1
    with torch.no_grad():
        model.decoder[0] = w
        model.encoder[0] = w / variance / precision
        model.bias.fill_(0.4)
        model.logvar[0, 0] = -precision.log()
    return model.requires_grad_(False)


def exact_log_likelihood(model, images, variance):
    w, x = model.decoder[0], images.pixels[0].double() / 255 - model.bias[0]
    covariance = w @ w.T + variance * torch.eye(len(w))
    law = torch.distributions.MultivariateNormal(torch.zeros(len(w)).double(), covariance)
    return law.log_prob(x)


def weights_of(model, images, variance, samples, wider=0.0):
    x = images.pixels.double() / 255
    mean, logvar = model.posterior(x)
    streams = torch_streams("x", [0], "importance")
    posterior = (mean, logvar + wider)
    return log_weights(model, images, posterior, torch.tensor([variance]), samples, streams)


def test_with_the_true_posterior_every_weight_is_the_likelihood():
    model, images = exact_model(0.05), images_of(7, 6)
    weights = weights_of(model, images, 0.05, 4)
    expected = exact_log_likelihood(model, images, 0.05)
    torch.testing.assert_close(weights[0], expected[:, None].expand(-1, 4))


def test_the_importance_bound_nears_the_exact_likelihood():
    """Within two standard errors of the mean over images, from a posterior that is too wide."""
    model, images = exact_model(0.05), images_of(400, 6)
    weights = weights_of(model, images, 0.05, 2000, wider=0.5)
    gap = exact_log_likelihood(model, images, 0.05) - importance_bound(weights, 2000)[0]
    assert abs(gap.mean()) <= 2 * gap.std() / math.sqrt(len(gap)) + 1e-4
    one = exact_log_likelihood(model, images, 0.05) - importance_bound(weights, 1)[0]
    kl = 0.5 * 2 * (math.exp(0.5) - 1 - 0.5)
    assert one.mean().item() == pytest.approx(kl, rel=0.05), "the gap is KL(q ‖ true posterior)"


def test_the_bound_never_falls_with_more_samples():
    weights = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(0)).double() * 9
    bounds = [importance_bound(weights, k) for k in (1, 2, 8, 64)]
    for fewer, more in itertools.pairwise(bounds):
        assert (more >= fewer - 1e-12).all()


class Measured(LikelihoodMeasures):
    """Of a model of one or more seeds, a decode's variance known."""

    def __init__(self, model, images, variance):
        self.experiment, self.model = SimpleNamespace(id="x"), model
        self.seeds = list(range(len(model.bias)))
        self.settings = SimpleNamespace(importance_samples=3)
        self.images = {"test": images}
        self.codes = {"test": model.posterior(images.pixels.double() / 255)}
        self.variance, self.found = variance, {}

    def value(self, metric, split):
        of_training = (metric, split) == ("reconstruction_mse_sampled", "train")
        return [self.variance] * len(self.seeds) if of_training else []

    def add(self, metric, split, values, **_):
        self.found[metric, split] = values.tolist()


def test_bounds_are_means_over_the_first_images_of_the_test_set():
    model, images = exact_model(0.05), images_of(MOST_IMAGES + 300, 6)
    measured = Measured(model, images, 0.05)
    measured.measure_likelihood()
    expected = exact_log_likelihood(model, images.first(MOST_IMAGES), 0.05).mean().item()
    assert measured.found == {
        ("elbo_nats", "test"): [pytest.approx(expected)],
        ("importance_bound_nats", "test"): [pytest.approx(expected)],
    }
    measured.codes["test"], measured.found = (measured.codes["test"][0], None), {}
    measured.measure_likelihood()
    assert measured.found == {}, "a point has no density"


def test_each_seed_has_bounds_of_its_own():
    """A posterior whose variances are √e times the true ones lies (√e − 3/2)/2 nats a dimension
    from it, and the lower bound as far below the likelihood."""
    true, images = exact_model(0.05), images_of(MOST_IMAGES, 6)
    model = LinearVae(2, 6, 2, torch.float64).requires_grad_(False)
    for parameter, exact in zip(model.parameters(), true.parameters(), strict=True):
        parameter.copy_(exact.expand_as(parameter))
    model.logvar[1] += 0.5
    measured = Measured(model, images, 0.05)
    measured.measure_likelihood()
    expected = exact_log_likelihood(true, images, 0.05).mean().item()
    elbo, bound = measured.found.values()
    assert elbo[0] == bound[0] == pytest.approx(expected)
    assert elbo[1] == pytest.approx(expected - (math.exp(0.5) - 1.5), abs=0.03)
    assert elbo[1] < bound[1] < expected


@pytest.mark.parametrize("kind", ["gaussian", "uniform-offset", "uniform-centred"])
def test_the_mean_log_weight_is_the_lower_bound(kind):
    model, images = exact_model(0.3), images_of(3, 6)
    model.posterior_kind = kind
    samples = 40_000
    weights = weights_of(model, images, 0.3, samples)
    mean, logvar = model.posterior(images.pixels.double() / 255)
    noise = draw_noise(kind, (3, samples, 2), torch_streams("y", [0], "z")).double()
    z = sample(kind, mean[:, :, None], logvar[:, :, None], noise)
    decoded = model.decode(z.flatten(1, 2)).view(1, 3, samples, 6)
    errors = (decoded - images.pixels[:, :, None] / 255).square().sum(-1)
    likelihood = -errors / 0.6 - 3 * math.log(2 * math.pi * 0.3)
    expected = likelihood.mean(-1) - kl_nats(kind, mean, logvar).sum(-1)
    torch.testing.assert_close(importance_bound(weights, 1), expected, atol=0.05, rtol=0)


def test_no_step_of_refinement_is_the_plain_reconstruction():
    model, images = exact_model(0.05), images_of(450, 6)
    codes, _ = model.posterior(images.pixels.double() / 255)
    plain = squared_errors(model, codes, images)
    assert torch.equal(refined_errors(model, images, codes, 0), plain)
    refined = refined_errors(model, images, codes, 20)
    assert (refined <= plain).all()
    alone = refined_errors(model, images.first(3), codes[:, :3], 20)
    torch.testing.assert_close(alone, refined[:, :3])


def test_refinement_reaches_least_squares():
    model, images = exact_model(0.05), images_of(5, 6)
    start = torch.zeros(1, 5, 2).double()
    refined = refined_errors(model, images, start, 3000)
    x = (images.pixels[0].double() / 255 - model.bias[0]).numpy()
    w = model.decoder[0].numpy()
    residual = x - x @ w @ np.linalg.inv(w.T @ w) @ w.T
    np.testing.assert_allclose(refined[0], (residual**2).sum(1), rtol=1e-4)


def test_a_linear_probe_finds_what_is_linear():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    codes = rng.normal(size=(900, 4)) + 6 * np.eye(4)[labels]
    codes[:, 3] *= 1e-4
    found = linear_probe_accuracy(codes[:600], labels[:600], codes[600:], labels[600:], 0)
    assert found > 0.98
    shuffled = linear_probe_accuracy(codes[:600], rng.permutation(labels[:600]), codes, labels, 0)
    assert shuffled < 0.6


@pytest.mark.parametrize("state", range(6))
def test_the_probes_strength_is_what_validates_best(state):
    """By hand, on few noisy codes of unlike scales, of which many strengths would be right."""
    rng = np.random.default_rng(state)
    labels = rng.integers(0, 3, 500)
    codes = rng.normal(size=(500, 30)) + 0.8 * np.eye(30)[labels]
    codes *= np.geomspace(1e-3, 1e3, 30)
    train, test = slice(120), slice(120, None)
    fitted, held = next(ShuffleSplit(1, test_size=0.2, random_state=state).split(codes[train]))
    scale = StandardScaler().fit(codes[train]).transform
    z = scale(codes[train])

    def validated(c):
        probe = LogisticRegression(C=c, max_iter=1000).fit(z[fitted], labels[fitted])
        return probe.score(z[held], labels[held])

    best = max(PROBE_STRENGTHS, key=validated)
    chosen = LogisticRegression(C=best, max_iter=1000).fit(z, labels[train])
    expected = chosen.score(scale(codes[test]), labels[test])
    found = linear_probe_accuracy(codes[train], labels[train], codes[test], labels[test], state)
    assert found == pytest.approx(expected, abs=0.003)


def rows_of(project, left_out=()):
    """A value for everything in the battery that a model can have."""
    rows = [
        {"experiment": name, "seed": seed, "dataset": run.dataset, "split": split, "metric": metric}
        for name, run in project.experiments.items()
        for metric, split in BATTERY.items()
        if why_not(metric, run) is None and (name, metric) not in left_out
        for seed in project.seeds_of(name)
    ]
    return pd.DataFrame(rows).assign(value=1.0, unit="1")


def test_every_model_has_every_measurement_or_a_reason(published):
    whole = with_reasons(rows_of(published), published)
    product = {(name, metric) for name in published.experiments for metric in BATTERY}
    assert set(zip(whole.experiment, whole.metric, strict=True)) == product
    assert (whole.value.isna() == (whole.reason != "")).all()
    assert len(measured_rows(whole)) == len(rows_of(published))
    by_name = whole[whole.metric == "kl_nats"].groupby("experiment").reason.first()
    assert by_name["fnn"] == ""
    assert "there is no posterior" in by_name["gan-mnist-16"]
    counts = whole.groupby(["experiment", "metric"]).seed.nunique()
    assert counts["cae-mnist", "kl_nats"] == len(published.seeds_of("cae-mnist"))


def test_rows_without_a_value_are_complete_but_for_it(published):
    """Where a measurement cannot be made, and where a seed of a run diverged."""
    measured = rows_of(published)
    lost = (measured.experiment == "fnn") & (measured.seed == 1)
    whole = with_reasons(measured[~lost], published)
    assert not whole.drop(columns="value").isna().any().any()
    assert whole.index.is_unique
    no_value = whole[whole.value.isna()]
    assert set(no_value[no_value.experiment == "gan-mnist-16"].dataset) == {"mnist"}
    assert list(no_value.split) == [BATTERY[metric] for metric in no_value.metric]
    impossible = no_value[no_value.reason != DIVERGED]
    assert list(impossible.unit) == [unit_of(metric) for metric in impossible.metric]
    diverged = whole[whole.reason == DIVERGED]
    assert set(diverged.experiment) == {"fnn"}
    assert sorted(diverged.metric) == sorted(measured[lost].metric)
    assert diverged_seeds(whole) == {"fnn": [1]}
    elsewhere = with_reasons(measured[~lost], published, "of another machine")
    assert set(elsewhere.reason[diverged.index]) == {"of another machine"}


def test_a_measurement_that_lacks_for_no_reason_is_an_error(published):
    table = rows_of(published, {("fnn", "silhouette")})
    with pytest.raises(ValueError, match="fnn: silhouette of test was not measured"):
        with_reasons(table, published)


@pytest.mark.slow
def test_a_linear_vae_reaches_probabilistic_pca(published, mirror, tmp_path):
    """σ² = 1 and β = 1 on MNIST: 12 active units, KL 4.33 nats, MSE .0400 and .0470."""
    from latent_atlas.datasets.build import build_dataset

    files = {split: tmp_path / f"{split}.safetensors" for split in ("train", "test")}
    build_dataset(published.datasets["mnist"], str(mirror), tmp_path / "downloads", files)
    pixels, _ = read_split(files["train"])
    images = SeedImages.select(pixels, np.arange(len(pixels))[None], "cpu")
    values = {
        "training.objective": {"reconstruction": "sse", "kl_weight": 2.0},
        "training.learning_rate": 1e-3,
        "training.batch_size": 500,
    }
    settings = with_values(published.declared["fnn-plain"].model_dump(), values)
    model = LinearVae(1, 784, 20)
    with torch.no_grad():
        model.bias[0, 0] = images.pixels[0].float().mean(0) / 255
    step = LikelihoodStep(Experiment.model_validate(settings), [0], model, None)
    shuffling = torch.Generator().manual_seed(0)
    for _ in range(20):
        step.start_epoch(60_000)
        for start, index in enumerate(torch.randperm(60_000, generator=shuffling).split(500)):
            x = images.batch(index[None], torch.float32)
            step(x, x, index[None], step.draw(500 * start, 500 * (start + 1)))
    model.requires_grad_(False)
    x = images.pixels.float() / 255
    mean, logvar = model.posterior(x)
    noise = draw_noise("gaussian", mean.shape[1:], torch_streams("x", [0], "z"))
    sampled = sample("gaussian", mean, logvar, noise)
    assert active_units(mean[0].numpy()) == 12
    assert kl_nats("gaussian", mean, logvar).sum(-1).mean().item() == pytest.approx(4.33, rel=0.03)
    for codes, expected in ((mean, 0.03996), (sampled, 0.04695)):
        error = squared_errors(model, codes, images).mean().item() / 784
        assert error == pytest.approx(expected, rel=0.03)
