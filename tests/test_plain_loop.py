"""Every family against the loop that a tutorial writes: one seed, torch's layers, losses and
optimisers, no stack, float64. The tolerance is 1e-9 a number after eight steps."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from latent_atlas.config.networks import NETWORKS
from latent_atlas.models.layers import StackedLinear
from latent_atlas.models.per_seed import PerSeed
from latent_atlas.models.strided import StridedConv2d, TransposedConv2d
from latent_atlas.streams import torch_streams
from latent_atlas.training.loop import SeedImages, initial_model, train

SEED, IMAGES, BATCH, EPOCHS = 4, 56, 16, 2
"""The last batch of an epoch has 8 images."""
EXPERIMENTS = {
    "ad": "auto-decoder",
    "ad-coded": "auto-decoder",
    "vad-gaussian": "variational-auto-decoder",
    "vad-free-gaussian": "variational-auto-decoder",
    "vad-coded-gaussian": "mlp-vae",
    "fnn-plain": "mlp-vae",
    "ae-mnist-16": "mlp-autoencoder",
    "gan-mnist-16": "mlp-gan",
    "ae-adam": "conv-autoencoder",
    "ae-sgd": "conv-autoencoder",
    "vae": "conv-vae",
    "cae-mnist-coded": "image-autoencoder",
    "vae-mnist": "image-vae",
    "simple-mnist-sum": "pool-vae",
    "gan-mnist": "gan",
}


class Lone(nn.Module):
    """The one network of a `PerSeed`."""

    def __init__(self, stacked: PerSeed):
        super().__init__()
        (self.network,) = stacked.networks

    def forward(self, x, dropout=None):
        return self.network(x, dropout[0] if dropout else None)


def lone_linear(stacked: StackedLinear) -> nn.Linear:
    linear = nn.Linear(*stacked.weight.shape[1:])
    linear.weight.data, linear.bias.data = stacked.weight.data[0].T, stacked.bias.data[0, 0]
    return linear


def torchs(layer: StridedConv2d | TransposedConv2d) -> nn.Conv2d | nn.ConvTranspose2d:
    (kind,) = type(layer).__bases__
    plain = kind(layer.in_channels, layer.out_channels, 4, 2, 1)
    plain.load_state_dict(layer.state_dict())
    return plain


PLAIN = {
    StackedLinear: lone_linear,
    PerSeed: Lone,
    StridedConv2d: torchs,
    TransposedConv2d: torchs,
}


def plain(module: nn.Module) -> nn.Module:
    """A model of one seed with torch's layers in the place of ours."""
    for name, child in module.named_children():
        setattr(module, name, plain(PLAIN.get(type(child), lambda it: it)(child)))
    return module


def stacked_names(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters of a plain model by their names in the stack, which keeps weights of linear
    layers transposed."""
    linear = {f"{name}.weight" for name, layer in model.named_modules() if type(layer) is nn.Linear}
    found = {}
    for name, tensor in model.state_dict().items():
        inside = ".network." in name
        turned = name in linear and not inside
        found[name.replace(".network.", ".")] = tensor.T if turned else tensor
    return found


def optimiser(experiment, *groups):
    settings = experiment.training
    listed = [{"params": list(some), "weight_decay": decay} for some, decay in groups]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(listed, settings.learning_rate)
    return torch.optim.Adam(listed, settings.learning_rate, betas=(settings.beta_1, 0.999))


def plain_loss(objective, decoded, x, mean, logvar):
    error = {
        "mse": lambda: functional.mse_loss(decoded, x),
        "sse": lambda: functional.mse_loss(decoded, x, reduction="sum") / len(x),
        "frobenius": lambda: torch.linalg.norm(decoded - x) / x.numel(),
        "bce": lambda: functional.binary_cross_entropy(decoded, x),
        "bce-sum": lambda: functional.binary_cross_entropy(decoded, x, reduction="sum") / len(x),
    }[objective.reconstruction]()
    if logvar is not None:
        posterior = torch.distributions.Normal(mean, (logvar / 2).exp())
        prior = torch.distributions.Normal(0.0, 1.0)
        kl = torch.distributions.kl_divergence(posterior, prior).sum(1).mean()
        error = error + objective.kl_weight * kl
    return error * len(x) if objective.sum_images else error


def orders(experiment, n):
    """The numbers of the images in each epoch, in batches."""
    (shuffling,) = torch_streams(experiment.id, [SEED], "shuffling")
    for _ in range(EPOCHS):
        shuffled = experiment.training.shuffle
        order = torch.randperm(n, generator=shuffling) if shuffled else torch.arange(n)
        yield order.split(BATCH)


def likelihood_loop(experiment, model, table, x):
    """Losses of each epoch; `model` and `table` are trained in place."""
    settings = experiment.training
    decayed = (model.parameters(), settings.weight_decay)
    steps = optimiser(experiment, decayed, *([] if table is None else [([table], 0.0)]))
    (noising,) = torch_streams(experiment.id, [SEED], "posterior")
    dropping, losses = torch_streams(experiment.id, [SEED], "dropout"), []
    for batches in orders(experiment, len(x)):
        total = 0.0
        if model.posterior_kind:
            drawn = torch.randn(len(x), model.latent, generator=noising).double().split(BATCH)
        for number, index in enumerate(batches):
            mean, logvar = model.posterior(x[index] if table is None else table[index], dropping)
            z = mean if logvar is None else mean + (logvar / 2).exp() * drawn[number]
            decoded = model.decode(z, dropping)
            loss = plain_loss(settings.objective, decoded, x[index], mean, logvar)
            steps.zero_grad()
            loss.backward()
            steps.step()
            total += loss.item() * len(index) / len(x)
        losses.append(total)
    return losses


def adversarial_loop(experiment, model, x):
    """Of each epoch the losses of generator and discriminator and the shares of reals and of fakes
    that the latter told: first the discriminator, on both as one labelled batch, then the
    generator."""
    generating, discriminating = (
        optimiser(experiment, (network.parameters(), experiment.training.weight_decay))
        for network in (model.decoder, model.discriminator)
    )
    (drawing,) = torch_streams(experiment.id, [SEED], "generator")

    def fakes(n):
        return model.generate(torch.randn(n, model.latent, generator=drawing).double())

    def real(images):
        return torch.sigmoid(model.discriminator(images)).squeeze(1)

    def entropy(found, labels):
        return functional.binary_cross_entropy(found, labels.double())

    losses = []
    for batches in orders(experiment, len(x)):
        total = np.zeros(4)
        for index in batches:
            n = len(index)
            both = real(torch.cat([model.seen(x[index]), fakes(n).detach()]))
            telling = entropy(both, torch.cat([torch.ones(n), torch.zeros(n)]))
            told = (both[:n] > 0.5).double().mean(), (both[n:] < 0.5).double().mean()
            discriminating.zero_grad()
            telling.backward()
            discriminating.step()
            fooling = entropy(real(fakes(2 * n)), torch.ones(2 * n))
            generating.zero_grad()
            fooling.backward()
            generating.step()
            total += np.array([fooling.item(), telling.item(), *told]) * n / len(x)
        losses.append(total)
    return losses


def test_every_family_is_here():
    ours = {family for family in NETWORKS if not family.startswith("own-")}
    assert set(EXPERIMENTS.values()) == ours


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_training_equals_a_plain_loop(published, name):
    experiment = published.experiments[name]
    assert experiment.model.family == EXPERIMENTS[name]
    short = {"epochs": EPOCHS, "batch_size": BATCH, "epoch_share": 1.0}
    training = experiment.training.model_copy(update=short)
    experiment = experiment.model_copy(update={"training": training})
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 1, 28, 28), dtype=np.uint8)
    data = SeedImages.select(images, np.arange(IMAGES)[None], "cpu")
    ours = train(experiment, [SEED], data, dtype=torch.float64)
    model, table = initial_model(experiment, [SEED], images.shape[1:], IMAGES)
    model = plain(copy.deepcopy(model)).double()
    x = data.of_seed(0).double() / 255
    if hasattr(model, "discriminator"):
        losses = np.array(adversarial_loop(experiment, model, x))
    else:
        if table is not None:
            table = table[0].double().requires_grad_()
        losses = np.array(likelihood_loop(experiment, model, table, x))[:, None]
    np.testing.assert_allclose(ours.history[:, 0, : losses.shape[1]], losses, rtol=1e-9)
    trained = ours.model.state_dict()
    for key, expected in stacked_names(model).items():
        found = trained[key][0].reshape(expected.shape)
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    if table is not None:
        torch.testing.assert_close(ours.table[0], table.detach(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("layer", [StridedConv2d, TransposedConv2d])
@pytest.mark.parametrize(("channels", "filters", "side"), [(8, 16, 14), (16, 8, 6), (3, 1, 4)])
def test_strided_convolutions_equal_torchs(layer, channels, filters, side):
    torch.manual_seed(0)
    ours = layer(channels, filters).double()
    x = torch.randn(5, channels, side, side + 2, dtype=torch.float64, requires_grad=True)
    found, expected = ours(x), layer.__bases__[0].forward(ours, x)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    along, by = torch.randn_like(found), [x, ours.weight, ours.bias]
    for one, other in zip(
        torch.autograd.grad(found, by, along),
        torch.autograd.grad(expected, by, along),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-11, rtol=0)
