"""Corruptions do what their names say, to the pixel."""

from functools import partial

import numpy as np
import pytest

from latent_atlas.datasets.corruptions import flipped_pixels, gaussian_noise, occluded

GREY = np.full((40, 3, 28, 28), 0.5, np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_noise_has_its_scale_and_stays_in_range_where_clipped():
    added = gaussian_noise(GREY, rng(), 0.3, clip=False) - GREY
    assert added.std() == pytest.approx(0.3, rel=0.01)
    assert added.mean() == pytest.approx(0, abs=0.005)
    clipped = gaussian_noise(GREY, rng(), 2.0)
    assert (clipped.min(), clipped.max()) == (0, 1)
    assert (gaussian_noise(GREY, rng(), 0.0) == GREY).all()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_flips_are_of_the_share_in_every_image_and_all_channels(share):
    images = rng(1).random((40, 3, 28, 28), dtype=np.float32) * 0.4
    flipped = flipped_pixels(images, rng(), share)
    where = flipped != images
    assert (where.all(1) == where.any(1)).all()
    assert (where[:, 0].sum((1, 2)) == round(share * 784)).all()
    np.testing.assert_allclose(flipped[where], 1 - images[where])
    if 0 < share < 1:
        assert (where[0] != where[1]).any(), "each image's own places"


@pytest.mark.parametrize(
    ("shape", "share", "size"),
    [
        ("square", 0.25, (14, 14)),
        ("bar", 0.25, (7, 28)),
        ("column", 0.25, (28, 7)),
        ("square", 0.0, (0, 0)),
        ("square", 1.0, (28, 28)),
    ],
)
@pytest.mark.parametrize("place", ["centre", "random"])
def test_occlusion_covers_its_share_in_one_piece(shape, share, size, place):
    covered = occluded(GREY, rng(), shape, share, place) == 0
    assert (covered.all(1) == covered.any(1)).all()
    for mask in covered[:, 0]:
        assert (mask.any(1).sum(), mask.any(0).sum()) == (size if mask.any() else (0, 0))
        assert mask.sum() == size[0] * size[1]
    if place == "centre" and shape == "square" and share == 0.25:
        assert covered[:, :, 7:21, 7:21].all()


@pytest.mark.parametrize(
    "corrupt",
    [
        partial(gaussian_noise, scale=0.1),
        partial(flipped_pixels, share=0.1),
        partial(occluded, shape="square", share=0.1, place="random"),
    ],
)
def test_a_seed_repeats_and_the_images_stay(corrupt):
    images = GREY / 2
    assert (corrupt(images, rng(3)) == corrupt(images, rng(3))).all()
    assert (corrupt(images, rng(3)) != corrupt(images, rng(4))).any()
    assert (images == GREY / 2).all()
