"""Study C's and E's networks, walks."""

import numpy as np
import pytest
import torch

from latent_atlas.evaluation import walks
from latent_atlas.models.base import cross_entropy, per_sample_terms
from latent_atlas.models.image import ImageDecoder, ImageEncoder
from latent_atlas.models.per_seed import initialised
from latent_atlas.models.pool import PoolDecoder, PoolEncoder
from latent_atlas.training.loop import SeedImages, epoch_images, initial_model, train
from latent_atlas.training.objective import batch_loss, effective_beta


def shapes_inside(network, x):
    found = []
    for layer in network.convolutions:
        layer.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    return found, network(x)


@pytest.mark.parametrize(
    ("layout", "shape", "down", "flat", "start", "up"),
    [
        (
            "one-stride",
            (1, 28, 28),
            [(32, 28, 28), (64, 14, 14), (64, 14, 14), (64, 14, 14)],
            12544,
            (64, 14, 14),
            [(32, 28, 28), (1, 28, 28)],
        ),
        (
            "two-stride",
            (1, 28, 28),
            [(32, 14, 14), (64, 7, 7)],
            16,
            (64, 7, 7),
            [(64, 14, 14), (32, 28, 28), (1, 28, 28)],
        ),
        (
            "five-stride",
            (3, 64, 64),
            [(128, 32, 32), (128, 16, 16), (128, 8, 8), (128, 4, 4), (128, 2, 2)],
            512,
            (128, 4, 4),
            [(128, 8, 8), (128, 16, 16), (128, 32, 32), (128, 64, 64), (3, 64, 64)],
        ),
        (
            "four-stride",
            (3, 64, 64),
            [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4)],
            4096,
            (256, 4, 4),
            [(128, 8, 8), (64, 16, 16), (32, 32, 32), (3, 64, 64)],
        ),
        (
            "five-stride",
            (3, 32, 32),
            [(128, 16, 16), (128, 8, 8), (128, 4, 4), (128, 2, 2), (128, 1, 1)],
            128,
            (128, 2, 2),
            [(128, 4, 4), (128, 8, 8), (128, 16, 16), (128, 32, 32), (3, 32, 32)],
        ),
        (
            "four-stride",
            (3, 32, 32),
            [(32, 16, 16), (64, 8, 8), (128, 4, 4), (256, 2, 2)],
            1024,
            (256, 2, 2),
            [(128, 4, 4), (64, 8, 8), (32, 16, 16), (3, 32, 32)],
        ),
    ],
)
def test_shapes_of_the_layouts(layout, shape, down, flat, start, up):
    pixels = int(np.prod(shape))
    encoder, decoder = ImageEncoder(layout, shape, 7), ImageDecoder(layout, shape, 7)
    found, codes = shapes_inside(encoder, torch.rand(2, pixels))
    assert found == down
    assert encoder.out.in_features == flat
    assert codes.shape == (2, 7)
    found, images = shapes_inside(decoder, codes)
    assert decoder.start == start
    assert found == up
    assert images.shape == (2, pixels)


@pytest.mark.parametrize(
    ("name", "shape", "down", "widths", "up"),
    [
        (
            "simple-mnist",
            (1, 28, 28),
            [(32, 26, 26), (64, 11, 11)],
            [1600, 256, 64, 4],
            [(32, 13, 13), (1, 28, 28)],
        ),
        (
            "simple-cifar",
            (3, 32, 32),
            [(32, 30, 30), (64, 13, 13)],
            [2304, 256, 64, 4],
            [(32, 15, 15), (3, 32, 32)],
        ),
        (
            "high-cifar",
            (3, 32, 32),
            [(32, 30, 30), (64, 13, 13)],
            [2304, 256, 64, 32],
            [(32, 15, 15), (3, 32, 32)],
        ),
        (
            "deep-cifar",
            (3, 32, 32),
            [(32, 30, 30), (128, 13, 13)],
            [4608, 1024, 256, 32, 4],
            [(32, 15, 15), (3, 32, 32)],
        ),
    ],
)
def test_shapes_of_the_pooled_nets(published, name, shape, down, widths, up):
    config, pixels = published.experiments[name].model, int(np.prod(shape))
    encoder, decoder = PoolEncoder(config, shape), PoolDecoder(config, shape)
    found, codes = shapes_inside(encoder, torch.rand(2, pixels))
    assert found == down
    assert linear_widths(encoder) == widths
    found, images = shapes_inside(decoder, codes[:, : config.latent])
    assert found == up
    assert linear_widths(decoder) == [config.latent, *widths[-2::-1]]
    assert images.shape == (2, pixels)


def linear_widths(network):
    layers = [layer for layer in network.linear if isinstance(layer, torch.nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def test_the_pooled_decoder_knows_nothing_of_where_the_maxima_were(published):
    """Images whose codes are equal decode to the same, whatever was pooled away."""
    model, _ = initial_model(published.experiments["simple-cifar"], [0], [3, 32, 32], 4)
    z = torch.randn(1, 1, 2).expand(1, 4, 2)
    model.posterior(torch.rand(1, 4, 3072))
    decoded = model.decode(z)
    assert (decoded == decoded[:, :1]).all()
    assert ((decoded > 0) & (decoded < 1)).all()


def test_flat_images_are_channels_rows_columns():
    """A change of one pixel of the second channel reaches the encoder as that."""
    encoder = ImageEncoder("four-stride", (3, 32, 32), 4)
    x = torch.zeros(1, 3072, requires_grad=True)
    encoder.convolutions[0].weight.data[:, [0, 2]] = 0
    encoder(x).sum().backward()
    assert x.grad.view(3, -1).abs().sum(1).bool().tolist() == [False, True, False]


def test_glorot_initialisation():
    stream = torch.Generator().manual_seed(0)
    network = initialised(lambda: ImageEncoder("five-stride", (3, 64, 64), 9), "glorot", stream)
    weight = network.convolutions[1].weight.detach()
    bound = (6 / (128 * 9 + 128 * 9)) ** 0.5
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    assert not network.convolutions[1].bias.any()


def images(n, shape=(1, 28, 28)):
    pixels = np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)
    return SeedImages.select(pixels, np.arange(n)[None], "cpu")


def changed(experiment, **training):
    return experiment.model_copy(
        update={"training": experiment.training.model_copy(update=training)}
    )


def test_cross_entropy_of_a_loss_in_both_scales(published):
    experiment = published.experiments["vae-mnist-coded"]
    model, _ = initial_model(experiment, [0], [1, 28, 28], 4)
    x = torch.rand(1, 4, 784)
    objective = experiment.training.objective
    terms = per_sample_terms(model, x, x, None, objective)
    decoded = model.decode(model.posterior(x)[0])
    by_hand = -(x * decoded.log() + (1 - x) * (1 - decoded).log()).sum(-1)
    torch.testing.assert_close(terms["bce"], by_hand)
    summed = batch_loss(terms, 784, objective)
    torch.testing.assert_close(summed, by_hand.mean(1) + 16 * terms["kl"].mean(1))
    mean = objective.model_copy(update={"reconstruction": "bce", "kl_weight": 16 / 784})
    torch.testing.assert_close(batch_loss(terms, 784, mean), summed / 784)
    assert effective_beta(784, objective) == 16
    assert effective_beta(784, mean) == pytest.approx(16)
    assert cross_entropy(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 1.0]]])) == 0


def test_the_code_of_the_coded_autoencoder_lies_between_0_and_1(published):
    for name, squeezed in (("cae-mnist-coded", True), ("cae-mnist", False)):
        model, _ = initial_model(published.experiments[name], [0], [1, 28, 28], 50)
        code, logvar = model.posterior(20 * torch.rand(1, 50, 784))
        assert logvar is None
        assert ((code > 0) & (code < 1)).all() == squeezed


def test_the_heads_of_the_coded_vae_see_numbers_between_0_and_1(published):
    model, _ = initial_model(published.experiments["vae-mnist-coded"], [0], [1, 28, 28], 4)
    network = model.encoder.networks[0]
    assert network.encoder.out.out_features == network.heads.in_features == 64
    seen = []
    network.heads.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    mean, logvar = model.posterior(torch.rand(1, 4, 784))
    assert mean.shape == logvar.shape == (1, 4, 32)
    assert ((seen[0] > 0) & (seen[0] < 1)).all()


@pytest.mark.parametrize("name", ["gan-mnist", "gan-mnist-coded"])
def test_gan_grey_levels(published, name):
    model, table = initial_model(published.experiments[name], [0, 1], [1, 28, 28], 4)
    assert table is None
    z = 3 * torch.randn(2, 5, 256)
    raw, decoded = model.generate(z), model.decode(z)
    assert raw.min() < -0.01
    assert ((decoded >= 0) & (decoded <= 1)).all()
    symmetric = name == "gan-mnist"
    torch.testing.assert_close(decoded, (raw + 1) / 2 if symmetric else raw.clamp(min=0))
    x = torch.tensor([0.0, 1.0])
    assert model.seen(x).tolist() == ([-1.0, 1.0] if symmetric else [0.0, 1.0])


def test_an_epoch_of_a_share_has_whole_batches(published):
    coded = published.experiments["gan-mnist-coded"]
    assert epoch_images(coded, 60_000) == 468 * 32
    assert epoch_images(coded, 100) == 32
    assert epoch_images(coded, 20) == 20
    assert epoch_images(published.experiments["gan-mnist"], 60_000) == 60_000
    trained = train(changed(coded, epochs=2), [0], images(200))
    assert trained.images_seen == 64


BAR = np.zeros((1, 1, 20, 20))
BAR[0, 0, 5:15, 6:14] = 1


def test_properties_of_a_bar():
    found = walks.image_properties(BAR)
    assert found["ink_area"][0, 0] == pytest.approx(80 / 400)
    assert found["width"][0, 0] == pytest.approx(8 / 20, rel=0.01)
    assert set(found) == {"ink_area", "width"}
    ground = np.array([0.2, 0.5, 0.9])[None, :, None, None]
    colour = ground + BAR * 0.1
    found = walks.image_properties(colour)
    assert found["ink_area"][0, 0] == pytest.approx(0.1 * 80 / 400)
    assert found["width"][0, 0] == pytest.approx(8 / 20, rel=0.01)
    np.testing.assert_allclose(found["mean_colour"][0], ground[0, :, 0, 0] + 0.02)
    assert walks.image_properties(np.zeros((1, 1, 4, 4)))["width"][0, 0] == 0


def test_the_coordinate_with_the_strongest_effect_is_found():
    """A made decoder: coordinate 3 is the brightness, 5 the width of a bar, others do nothing."""

    def decode(codes):
        level = 0.5 + 0.1 * codes[..., 3]
        half = 5 + codes[..., 5]
        place = np.abs(np.arange(20) + 0.5 - 10)
        bar = np.clip(half[..., None] - place + 0.5, 0, 1) * level[..., None]
        return np.repeat(bar[..., None, None, :], 20, -2)

    rng = np.random.default_rng(0)
    codes = rng.standard_normal((2, 3000, 8))
    spreads = walks.property_spreads(decode(codes))
    every = np.tile(np.arange(8), (2, 1))
    effects = walks.coordinate_effects(decode, codes[:, :16], spreads, every)
    assert effects["width"].argmax(1).tolist() == [5, 5]
    # Width is linear in a standard normal coordinate: from −2 to 2 makes 4 standard deviations.
    assert effects["width"][:, 5] == pytest.approx([4, 4], rel=0.1)
    assert effects["width"][:, 3] == pytest.approx([0, 0], abs=0.05)
    assert (effects["ink_area"][:, [3, 5]] > 1).all()
    assert effects["ink_area"][:, 0].max() < 1e-9
    alone = walks.coordinate_effects(decode, codes[:, :16], spreads, np.array([[5], [3]]))
    assert alone["width"][0, 0] == effects["width"][0, 5]
    assert alone["width"][1, 0] == effects["width"][1, 3]


def test_a_walk_changes_one_coordinate():
    bases = np.random.default_rng(0).standard_normal((2, 3, 4))
    codes = walks.coordinate_walk(bases, 1, np.array([-1.0, 0.0, 5.0]))
    assert codes.shape == (2, 3, 3, 4)
    assert codes[..., 1].tolist() == np.broadcast_to([-1, 0, 5], (2, 3, 3)).tolist()
    assert (codes[..., [0, 2, 3]] == bases[:, :, None, [0, 2, 3]]).all()
