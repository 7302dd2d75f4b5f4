"""Shapes and sizes of every family."""

import pytest
import torch

from latent_atlas.models.base import per_sample_terms
from latent_atlas.training.loop import initial_model

DECODER = 64 * 128 + 128 + 128 * 256 + 256 + 256 * 512 + 512 + 512 * 784 + 784
CODED = 784 * 512 + 512 + 512 * 256 + 256 + 256 * 128 + 128
CODED += 64 * 256 + 256 + 256 * 512 + 512 + 512 * 784 + 784


@pytest.mark.parametrize(
    ("name", "parameters", "width"),
    [
        ("ad", DECODER, 64),
        ("vad-gaussian", DECODER + 64 * 128 + 128, 64),
        ("vad-free-uniform", DECODER, 128),
        ("vad-coded-uniform", CODED, 0),
    ],
)
def test_parameters_and_shapes(published, name, parameters, width):
    experiment = published.experiments[name]
    model, table = initial_model(experiment, [0, 1, 2], [1, 28, 28], 10)
    assert sum(p[0].numel() for p in model.parameters()) == parameters
    assert all(len(p) == 3 for p in model.parameters())
    x = torch.rand(3, 10, 784)
    if width:
        assert table.shape == (3, 10, width)
    else:
        assert table is None
    inputs = x if table is None else table
    mean, logvar = model.posterior(inputs)
    assert mean.shape == (3, 10, 64)
    assert (logvar is None) == (name == "ad")
    decoded = model.decode(mean)
    assert decoded.shape == (3, 10, 784)
    assert ((decoded > 0) & (decoded < 1)).all()
    terms = per_sample_terms(model, inputs, x, None, experiment.training.objective)
    assert terms["sse"].shape == terms["kl"].shape == (3, 10)
    assert (terms["kl"] >= 0).all()


def test_free_log_variances_start_at_zero(published):
    _, table = initial_model(published.experiments["vad-free-gaussian"], [0], [1, 28, 28], 5)
    assert (table[..., 64:] == 0).all()
    assert (table[..., :64] != 0).all()
