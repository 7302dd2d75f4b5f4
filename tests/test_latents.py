"""Optimising latents under a frozen model."""

import numpy as np
import pytest
import torch

from latent_atlas.latents.fit import codes_of, fit_table
from latent_atlas.streams import torch_streams
from latent_atlas.training.loop import SeedImages, initial_model

SEEDS = [0, 1]


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 1, 28, 28), dtype=np.uint8)
    return SeedImages.select(pixels, np.tile(np.arange(40), (2, 1)), "cpu")


def frozen(published, name, steps):
    experiment = published.experiments[name]
    experiment = experiment.model_copy(
        update={"latents": experiment.latents.model_copy(update={"steps": steps})}
    )
    model, _ = initial_model(experiment, SEEDS, [1, 28, 28], 40)
    return model.eval().requires_grad_(False), experiment


@pytest.mark.parametrize("name", ["ad", "vad-gaussian", "vad-uniform", "vad-free-gaussian"])
def test_full_batch_equals_blocks_of_16(published, images, name):
    """In float64; in float32 some machines multiply 16 rows otherwise than 40."""
    model, experiment = frozen(published, name, 30)
    model.double()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    whole = fit_table(model, experiment, SEEDS, images, "test")
    blocks = fit_table(model, experiment, SEEDS, images, "test", block=16)
    torch.testing.assert_close(whole, blocks, atol=1e-9, rtol=0)
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[key]), "the decoder must stay frozen"


def test_latents_lower_the_loss_and_differ_by_split(published, images):
    model, experiment = frozen(published, "ad", 60)

    def error(table):
        index = torch.arange(40).expand(2, -1)
        decoded = model.decode(codes_of(model, images, table)[0])
        return (decoded - images.batch(index, torch.float32)).square().mean().item()

    streams = torch_streams(experiment.id, SEEDS, "test-latents-start")
    fitted = fit_table(model, experiment, SEEDS, images, "test")
    assert error(fitted) < error(model.initial_table(40, streams))
    assert not torch.equal(fitted, fit_table(model, experiment, SEEDS, images, "train"))


def test_batched_protocol_equals_a_plain_dense_adam(published, images):
    """Study A's code: batches of 32 in file order, a Frobenius loss, Adam over all latents."""
    model, experiment = frozen(published, "ad-coded", 3)
    ours = fit_table(model, experiment, SEEDS, images, "test")
    x = images.batch(torch.arange(40).expand(2, -1), torch.float32)
    start = model.initial_table(40, torch_streams("ad-coded", SEEDS, "test-latents-start"))
    latents = torch.nn.Parameter(start)
    optimiser = torch.optim.Adam([latents], lr=1e-3)
    for _ in range(3):
        for index in torch.arange(40).split(32):
            difference = x[:, index] - model.decode(latents[:, index])
            loss = difference.flatten(1).norm(dim=1) / difference[0].numel()
            optimiser.zero_grad()
            loss.sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours, latents.detach(), atol=1e-6, rtol=0)


def test_encoder_codes_are_the_posterior_of_the_image(published, images):
    model, _ = frozen(published, "vad-coded-gaussian", 1)
    mean, logvar = codes_of(model, images, None)
    expected = model.posterior(images.batch(torch.arange(40).expand(2, -1), torch.float32))
    assert torch.equal(mean, expected[0])
    assert torch.equal(logvar, expected[1])
