"""The project's way: every function prepares a case and returns what is to be timed."""

from collections.abc import Callable

from benchmarks.cases import Case, seed_images
from latent_atlas.latents.fit import fit_table
from latent_atlas.training.loop import initial_model, train

Work = Callable[[], None]


def training(case: Case, seeds: int, device: str) -> tuple[Work, Work]:
    """Warm-up and training of that many seeds at once."""
    experiment, images = case.settings(), seed_images(case.images, device)
    listed = list(range(seeds))
    return (
        lambda: train(experiment, listed, images, device, max_steps=5),
        lambda: train(experiment, listed, images, device),
    )


def latents(case: Case, seeds: int) -> tuple[Work, Work]:
    """Warm-up and optimisation of the codes of test images, for that many seeds at once."""
    experiment, images = case.settings(), seed_images(case.images)
    listed = list(range(seeds))
    model, _ = initial_model(experiment, listed, images.shape, 1)
    model.eval().requires_grad_(False)
    return (
        lambda: fit_table(model, experiment, listed, images.first(200), "test"),
        lambda: fit_table(model, experiment, listed, images, "test"),
    )
