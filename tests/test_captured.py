"""A step as one graph. What a graph is, is CUDA's; everything around it is tested without."""

from functools import partial

import numpy as np
import pytest
import torch

from latent_atlas.training import loop
from latent_atlas.training.captured import Graph, captured, cuda_graph
from latent_atlas.training.loop import SeedImages, Training

SEEDS, IMAGES, BATCH = [1, 4], 40, 16
"""The last batch of an epoch has 8 images."""
CAPTURED = ("ad", "vad-free-gaussian", "fnn-plain", "simple-mnist", "gan-mnist-16")


def training(published, name, device="cpu"):
    settings = published.experiments[name].training
    changes = {"epochs": 2, "batch_size": BATCH, "epoch_share": 1.0, "every_batch": True}
    update = {"training": settings.model_copy(update=changes)}
    experiment = published.experiments[name].model_copy(update=update)
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 1, 28, 28), dtype=np.uint8)
    images = SeedImages.select(pixels, np.arange(IMAGES)[None], device)
    return Training(experiment, SEEDS, images, device, torch.float32, None, None)


def outcome(trained):
    found = dict(trained.model.state_dict(), history=trained.history, batches=trained.batches)
    found |= {} if trained.table is None else {"table": trained.table}
    return {name: np.asarray(torch.as_tensor(value).cpu()) for name, value in found.items()}


def graphs(monkeypatch, under_way, launched=lambda out, work: out.copy_(work())):
    """Let `under_way` capture its steps; `launched` is what a graph does. The steps it then has."""
    out, made = torch.zeros_like(under_way.sums), []

    def capture(work):
        return partial(launched, out, work), out

    def take(*arguments):
        made.append(captured(*arguments, capture=capture))
        return made[-1]

    monkeypatch.setattr(loop, "captured", take)
    under_way.to_capture = True
    return made


@pytest.mark.parametrize("name", CAPTURED)
def test_replayed_steps_train_as_steps_do(published, monkeypatch, name):
    """Bit for bit; a short last batch is no graph's."""
    plain, replayed = training(published, name), training(published, name)
    assert replayed.step.capturable
    plain.run(None, None)
    made = graphs(monkeypatch, replayed)
    replayed.run(None, None)
    assert [type(step) for step in made] == [Graph]
    expected = outcome(plain.trained())
    for key, array in outcome(replayed.trained()).items():
        np.testing.assert_array_equal(array, expected[key], err_msg=key)


def refused(out, work):
    raise RuntimeError("operation not permitted when stream is capturing\nmore of it")


@pytest.mark.parametrize("launched", [lambda out, work: None, refused], ids=["idle", "refused"])
def test_a_graph_that_does_other_things_is_not_used(published, monkeypatch, caplog, launched):
    plain, guarded = training(published, "ad"), training(published, "ad")
    plain.run(None, None)
    made = graphs(monkeypatch, guarded, launched)
    guarded.run(None, None)
    assert not isinstance(made[0], Graph)
    (warning,) = caplog.messages
    assert "it goes without" in warning and "more of it" not in warning
    expected = outcome(plain.trained())
    for key, array in outcome(guarded.trained()).items():
        np.testing.assert_array_equal(array, expected[key], err_msg=key)


def test_a_full_memory_is_told_to_who_halves_the_stack(published, monkeypatch):
    def full(out, work):
        raise torch.cuda.OutOfMemoryError("no room")

    under_way = training(published, "ad")
    graphs(monkeypatch, under_way, full)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        under_way.run(None, None)


def test_networks_that_draw_while_they_compute_are_not_captured(published):
    assert published.experiments["ae-sgd"].model.dropout
    assert not training(published, "ae-sgd").step.capturable


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", CAPTURED)
def test_cudas_graphs_train_as_steps_do(published, monkeypatch, name):
    """Histories within 0.1 %: the order of a GPU's sums is not fixed."""
    plain, replayed = (training(published, name, "cuda") for _ in range(2))
    plain.to_capture, made = False, []

    def take(*arguments):
        made.append(captured(*arguments, capture=cuda_graph))
        return made[-1]

    monkeypatch.setattr(loop, "captured", take)
    for some in (plain, replayed):
        some.run(None, None)
    assert [type(step) for step in made] == [Graph]
    np.testing.assert_allclose(
        replayed.trained().history, plain.trained().history, rtol=1e-3, atol=1e-6
    )
