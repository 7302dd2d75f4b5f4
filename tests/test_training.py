"""What must not change a seed's result, the history, objectives, saved weights."""

import math

import numpy as np
import pytest
import torch

from latent_atlas.config.networks import ImageNetwork, PoolVae
from latent_atlas.files import write_tensors
from latent_atlas.models.base import per_sample_terms
from latent_atlas.training.experiment import seed_tensors
from latent_atlas.training.inputs import load_images
from latent_atlas.training.loop import SeedImages, initial_model, train
from latent_atlas.training.objective import batch_loss, effective_beta, per_image_loss
from latent_atlas.training.records import EpochRecords
from latent_atlas.training.store import history_frame, load_trained, save_weights

FAMILIES = (
    "ad",
    "ad-coded",
    "vad-gaussian",
    "vad-free-uniform",
    "vad-coded-uniform",
    "ae-adam",
    "vae-coded",
    "cae-mnist-coded",
    "vae-mnist-coded",
    "gan-mnist-coded",
    "simple-mnist-sum",
    "ae-mnist-16",
    "gan-mnist-16",
)
SEEDS = [0, 1, 2, 3, 4]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (72, 1, 28, 28), dtype=np.uint8)


def stacked(images, seeds):
    return SeedImages.select(images, np.tile(np.arange(len(images)), (len(seeds), 1)), "cpu")


def tensors(trained):
    found = dict(trained.model.state_dict())
    return found if trained.table is None else found | {"table": trained.table}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_seed_alone_equals_the_seed_in_a_stack_of_five(published, images, name):
    """float64, 20 steps: within 1e-9; float32 on one thread, 60 steps: bit for bit; study C's
    and E's networks a fifteenth of that."""
    experiment = published.experiments[name]
    fewer = 15 if isinstance(experiment.model, ImageNetwork | PoolVae) else 1
    for dtype, steps in ((torch.float64, 20 // fewer), (torch.float32, 60 // fewer)):
        five = train(experiment, SEEDS, stacked(images, SEEDS), dtype=dtype, max_steps=steps)
        alone = train(experiment, [3], stacked(images, [3]), dtype=dtype, max_steps=steps)
        for key, tensor in tensors(five).items():
            difference = (tensor[3] - tensors(alone)[key][0]).abs().max().item()
            assert difference <= (1e-9 if dtype == torch.float64 else 0.0), key


def test_a_seed_alone_equals_the_seed_in_a_stack_of_twenty(published, images):
    """Numbers of parameters that no instruction takes whole: 5 of the code, 10 of its heads."""
    model = published.experiments["fnn"].model.model_copy(update={"latent": 5})
    experiment = published.experiments["fnn"].model_copy(update={"model": model})
    seeds = list(range(20))
    twenty = tensors(train(experiment, seeds, stacked(images, seeds), max_steps=40))
    alone = tensors(train(experiment, [7], stacked(images, [7]), max_steps=40))
    for key, tensor in twenty.items():
        assert torch.equal(tensor[7], alone[key][0]), key


def kept(experiment, seeds, images):
    """Three steps' training, and what is kept of each seed."""
    images = stacked(images, seeds)
    records = EpochRecords(experiment, seeds, images)
    trained = train(experiment, seeds, images, max_steps=3, after_epoch=records)
    return trained, [seed_tensors(trained, records, s) for s in range(len(seeds))]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seeds_twice_give_equal_bytes(published, images, name, tmp_path):
    experiment = published.experiments[name]
    for run in ("a", "b"):
        save_weights(tmp_path / run, kept(experiment, [0, 7], images)[1], [0, 7], [0, 7])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_different_seeds_differ(published, images):
    trained = train(published.experiments["ad"], [0, 1], stacked(images, [0, 1]), max_steps=2)
    for tensor in tensors(trained).values():
        assert not torch.equal(tensor[0], tensor[1])


def test_history_weighs_every_image_once(published, images):
    """With a learning rate of nearly nothing, an epoch's record is the MSE of the start."""
    experiment = published.experiments["ad"]
    update = {"epochs": 1, "learning_rate": 1e-30}
    still = experiment.model_copy(
        update={"training": experiment.training.model_copy(update=update)}
    )
    trained = train(still, [0], stacked(images, [0]), dtype=torch.float64)
    model, table = initial_model(still, [0], [1, 28, 28], len(images))
    x = torch.from_numpy(images.reshape(1, len(images), -1)).double() / 255
    terms = per_sample_terms(model.double(), table.double(), x, None, still.training.objective)
    expected = terms["sse"].mean().item() / 784
    assert trained.history[0, 0, 1] == pytest.approx(expected, rel=1e-9)


def test_objective_closed_forms(published):
    terms = {"sse": torch.tensor([[4.0, 12.0]]), "kl": torch.tensor([[1.0, 3.0]])}
    mse = published.experiments["vad-gaussian"].training.objective
    frobenius = published.experiments["ad-coded"].training.objective
    assert batch_loss(terms, 8, mse).item() == pytest.approx(16 / 16 + 0.001 * 2)
    assert batch_loss(terms, 8, frobenius).item() == pytest.approx(math.sqrt(16) / 16)
    torch.testing.assert_close(
        per_image_loss(terms, 8, mse), torch.tensor([[0.501, 1.503]]), atol=1e-6, rtol=0
    )
    assert effective_beta(784, mse) == pytest.approx(0.392)
    assert effective_beta(784, frobenius) is None


def test_saved_weights_come_back(published, images, tmp_path):
    experiment = published.experiments["vad-gaussian"]
    trained, parts = kept(experiment, [0, 1], images)
    save_weights(tmp_path / "weights", parts, [0, 1], [0, 1])
    model, table = load_trained(tmp_path / "weights", experiment, [0, 1], stacked(images, [0, 1]))
    assert torch.equal(table, trained.table)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trained.model.state_dict()[name])
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_every_batch_is_kept_where_it_is_wanted(published, images):
    """Their mean over an epoch, each batch by its images, is the epoch's."""
    experiment = published.experiments["simple-mnist-sum"]
    settings = experiment.training.model_copy(update={"epochs": 2, "batch_size": 25})
    experiment = experiment.model_copy(update={"training": settings})
    trained = train(experiment, [0, 4], stacked(images, [0, 4]))
    assert trained.batches.shape == (6, 2, 3)
    by_epoch = np.average(trained.batches.reshape(2, 3, 2, 3), axis=1, weights=[25, 25, 22])
    np.testing.assert_allclose(by_epoch, trained.history, rtol=1e-5)
    histories = {"train": trained.history, "batch": trained.batches}
    frame = history_frame(histories, trained.terms, "x", [0, 4], 3)
    one = frame[(frame.seed == 4) & (frame.term == "kl_nats")]
    batch, epoch = (one[one.split == split] for split in ("batch", "train"))
    assert batch.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert batch.epoch.tolist() == [1, 1, 1, 2, 2, 2]
    assert batch.value.tolist() == trained.batches[:, 1, 2].tolist()
    assert epoch.step.tolist() == [3, 6]
    other = published.experiments["ae-adam"]
    assert train(other, [0], stacked(images, [0]), max_steps=1).batches is None


def test_pooled_images_are_trained_on_too(published, tmp_path):
    rng = np.random.default_rng(0)
    files = {}
    for split, n in (("train", 30), ("test", 12)):
        stored = {
            "images": rng.integers(0, 256, (n, 1, 28, 28), dtype=np.uint8),
            "labels": rng.integers(0, 10, n),
        }
        files[f"{split}_images"] = str(tmp_path / split)
        write_tensors(files[f"{split}_images"], stored, sha256=split)
    experiment = published.experiments["keras-vae"]
    loaded, labels, _ = load_images(experiment, [0, 1], files, "cpu")
    assert loaded["train"].count == 42
    assert (loaded["train"].pixels[:, 30:] == loaded["test"].pixels).all()
    assert (labels["train"][:, 30:] == labels["test"]).all()
    alone = experiment.model_copy(update={"pooled": False})
    assert load_images(alone, [0, 1], files, "cpu")[0]["train"].count == 30
