"""Study B's networks: shapes, dropout, initialisation, optimisers, validation."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from latent_atlas.datasets.subset import hold_out
from latent_atlas.models.base import per_sample_terms
from latent_atlas.models.conv import ConvDecoder, ConvEncoder
from latent_atlas.models.per_seed import drop, initialised
from latent_atlas.streams import torch_streams
from latent_atlas.training.loop import SeedImages, initial_model, train
from latent_atlas.training.objective import batch_loss, mean_loss
from latent_atlas.training.optimisers import build_optimiser
from latent_atlas.training.records import EpochRecords


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def shapes_inside(network, x):
    found = []
    for layer in network.children():
        layer.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    network(x)
    return found


@pytest.mark.parametrize("d", [2, 44, 185])
def test_shapes_of_tables_1_and_2(d):
    encoder, decoder = ConvEncoder(d, third_relu=True), ConvDecoder(d)
    assert shapes_inside(encoder, torch.rand(5, 784)) == [
        (8, 14, 14),
        (16, 7, 7),
        (32, 3, 3),
        (64,),
        (d,),
    ]
    assert shapes_inside(decoder, torch.randn(5, d)) == [
        (64,),
        (288,),
        (16, 7, 7),
        (8, 14, 14),
        (1, 28, 28),
    ]
    decoded = decoder(torch.randn(5, d))
    assert decoded.shape == (5, 784)
    assert ((decoded > 0) & (decoded < 1)).all()


@pytest.mark.parametrize("d", [2, 44, 185])
@pytest.mark.parametrize("name", ["ae-tuned", "vae"])
def test_a_stack_has_the_shapes_of_its_seeds(published, name, d):
    experiment = published.experiments[name]
    changed = experiment.model_copy(
        update={"model": experiment.model.model_copy(update={"latent": d})}
    )
    model, table = initial_model(changed, [0, 4], [1, 28, 28], 10)
    assert table is None
    assert model.seeds == 2
    mean, logvar = model.posterior(torch.rand(2, 6, 784))
    assert mean.shape == (2, 6, d)
    assert (logvar is None) == (name == "ae-tuned")
    assert model.decode(mean).shape == (2, 6, 784)
    state = model.state_dict()
    assert state["encoder.conv3.weight"].shape == (2, 32, 16, 3, 3)
    assert state["decoder.hidden1.weight"].shape == (2, 64, d)
    assert not any("networks" in key for key in state)


def test_kaiming_and_torchs_own_initialisation():
    network = initialised(lambda: ConvEncoder(400, True), "kaiming", stream())
    assert network.code.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.03)
    assert network.hidden.weight.std().item() == pytest.approx((2 / 288) ** 0.5, rel=0.03)
    plain = initialised(lambda: ConvEncoder(400, True), "torch", stream())
    assert plain.code.weight.abs().max() <= 1 / 8
    assert torch.equal(plain.code.bias, network.code.bias)


def test_initialisation_leaves_the_global_state_alone_and_does_not_follow_it():
    torch.manual_seed(1)
    first = initialised(lambda: ConvEncoder(2, True), "torch", stream())
    after = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(3))
    second = initialised(lambda: ConvEncoder(2, True), "torch", stream())
    assert torch.equal(first.code.weight, second.code.weight)


def test_dropout():
    x = torch.ones(200, 500)
    dropped = drop(x, 0.2, stream())
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert (dropped == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert torch.equal(drop(x, 0.2, None), x)
    assert (drop(x, 1.0, stream()) == 0).all()


def test_dropout_of_the_code_is_what_the_two_readings_differ_in():
    x = torch.rand(4, 784)
    for latent_dropout in (True, False):
        encoder = ConvEncoder(50, False, dropout=0.5, latent_dropout=latent_dropout)
        assert (encoder(x, stream()) == 0).any() == latent_dropout
        assert torch.equal(encoder(x), encoder(x))


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_weight_decay_is_torchs_and_spares_latents(name):
    weight, latent = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    optimiser = build_optimiser(name, [weight], 0.1, weight_decay=0.5, latents=latent)
    weight.grad, latent.grad = torch.zeros(3), torch.zeros(3)
    optimiser.step()
    assert torch.equal(latent, torch.ones(3))
    expected = 1 - 0.1 * (0.5 if name == "sgd" else 1.0)
    torch.testing.assert_close(weight.detach(), torch.full((3,), expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["Adam", "SGD"])
def test_optimisers_are_torchs_bit_for_bit(name):
    ours, theirs = (torch.randn(5, generator=stream()).requires_grad_() for _ in range(2))
    steppers = (
        build_optimiser(name.lower(), [ours], 1e-2, weight_decay=1e-3),
        getattr(torch.optim, name)([theirs], lr=1e-2, weight_decay=1e-3, fused=True),
    )
    for _ in range(5):
        for tensor, optimiser in zip((ours, theirs), steppers, strict=True):
            optimiser.zero_grad()
            tensor.pow(4).sum().backward()
            optimiser.step()
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("size", [1, 5, 16, 33])
@pytest.mark.parametrize("rates", [None, [(0.1, 0.5)] * 18 + [(0.01, 0.0)] * 2])
def test_members_of_a_stack_move_as_they_do_alone(name, size, rates):
    start, gradient = torch.randn(2, 20, size, generator=stream())
    stacked = start.clone().requires_grad_()
    together = build_optimiser(name, [stacked], 0.1, 0.5, members=20, rates=rates)
    alone = [member.clone()[None].requires_grad_() for member in start]
    each = rates or [(0.1, 0.5)] * 20
    single = [build_optimiser(name, [m], *r) for m, r in zip(alone, each, strict=True)]
    for _ in range(4):
        stacked.grad = gradient.clone()
        together.step()
        for member, of_member, optimiser in zip(alone, gradient, single, strict=True):
            member.grad = of_member[None].clone()
            optimiser.step()
    assert torch.equal(stacked, torch.cat(alone))


def test_a_step_of_training_does_not_import_torchs_compiler():
    code = (
        "import sys, torch; from latent_atlas.training.optimisers import build_optimiser;"
        "w = torch.ones(2, requires_grad=True); w.sum().backward();"
        "[build_optimiser(name, [w], 1e-2).step() for name in ('adam', 'sgd')];"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 1, 28, 28), dtype=np.uint8)
    return SeedImages.select(pixels, np.tile(np.arange(40), (2, 1)), "cpu")


def test_training_is_plain_pytorch(published, images):
    """Against nn.Sequential layers, torch.optim.SGD and mean squared error."""
    experiment = published.experiments["ae-coded-sgd"]
    stack, _ = initial_model(experiment, [5], [1, 28, 28], 40)
    encoder, decoder = stack.encoder.networks[0].double(), stack.decoder.networks[0].double()
    plain = torch.nn.Sequential(encoder, decoder)
    optimiser = torch.optim.SGD(plain.parameters(), lr=1e-3, weight_decay=1e-5)
    x = images.pixels[0].double() / 255
    (shuffling,) = torch_streams(experiment.id, [5], "shuffling")
    for _ in range(3):
        index = torch.randperm(40, generator=shuffling)
        loss = torch.nn.functional.mse_loss(plain(x[index]), x[index])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    trained = train(experiment, [5], images, dtype=torch.float64, max_steps=3)
    torch.testing.assert_close(
        trained.model.state_dict()["decoder.conv3.weight"][0], decoder.conv3.weight.detach()
    )


def test_losses_by_hand(published):
    terms = {"sse": torch.tensor([[2.0, 4.0]]), "kl": torch.tensor([[1.0, 3.0]])}
    written = published.experiments["vae"].training.objective
    coded = published.experiments["vae-coded"].training.objective
    assert batch_loss(terms, 784, written).tolist() == [5.0]
    assert batch_loss(terms, 784, coded).tolist() == [10.0]
    sse, kl = torch.tensor([3.0]), torch.tensor([2.0])
    torch.testing.assert_close(mean_loss(sse, kl, 784, 2, written), torch.tensor([5.0]))
    torch.testing.assert_close(mean_loss(sse, kl, 784, 2, coded), torch.tensor([10.0]))


def test_records_validate_without_dropout_and_keep_each_epoch(published, images):
    experiment = published.experiments["ae-adam"]
    short = experiment.model_copy(
        update={"training": experiment.training.model_copy(update={"epochs": 3})}
    )
    records = EpochRecords(short, [0, 1], images, images)
    trained = train(short, [0, 1], images, after_epoch=records)
    growth = records.growth_tensors(1)
    assert growth["reconstructions"].shape == (3, 784)
    assert growth["epochs"].tolist() == [1, 2, 3]
    assert records.history()["validation"].shape == (3, 2, 3)
    x = images.batch(torch.arange(40).expand(2, -1), torch.float32)
    terms = per_sample_terms(trained.model, x, x, None, experiment.training.objective)
    last = torch.from_numpy(records.history()["validation"][-1, :, 1]).float()
    torch.testing.assert_close(last, terms["sse"].mean(1) / 784)
    again = train(short, [0, 1], images)
    assert torch.equal(
        again.model.state_dict()["encoder.code.weight"],
        trained.model.state_dict()["encoder.code.weight"],
    ), "recording must not change the training"


def test_long_trainings_keep_at_most_48_epochs(published, images):
    records = EpochRecords(published.experiments["ad"], [0], images)
    assert len(records.epochs) == 48
    assert (records.epochs[0], records.epochs[-1]) == (1, 400)


def test_held_out_rows_are_the_same_for_every_seed():
    rows = np.stack([np.arange(50), np.arange(50) + 100])
    train_rows, held = hold_out(rows, 0.2, "digits")
    assert (train_rows.shape, held.shape) == ((2, 40), (2, 10))
    assert (held[1] == held[0] + 100).all()
    assert sorted([*train_rows[0], *held[0]]) == list(range(50))
    assert (hold_out(rows, 0.2, "digits")[1] == held).all()
