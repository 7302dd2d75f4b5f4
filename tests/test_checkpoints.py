"""Work that was stopped goes on and ends with the bytes of work that was not."""

import logging
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latent_atlas import interruption
from latent_atlas.latents.fit import fit_table
from latent_atlas.training import checkpoints
from latent_atlas.training.checkpoints import Checkpoints, Unfinished
from latent_atlas.training.loop import SeedImages, Training, initial_model, train
from latent_atlas.training.records import EpochRecords

SEEDS = [1, 4]
IMAGES = 40
EPOCHS = 3
STEPS_PER_EPOCH = 3
FAMILIES = {
    "ad": 4,
    "vad-free-uniform": 5,
    "fnn-plain": 1,
    "ae-adam": 3,
    "ae-sgd": 8,
    "vae": 6,
    "simple-mnist": 4,
    "gan-mnist-16": 5,
}
"""The step after which training is stopped: within epochs, at their ends, at the very end."""


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 1, 28, 28), dtype=np.uint8)
    return SeedImages.select(pixels, np.arange(IMAGES)[None], "cpu")


def short(published, name):
    experiment = published.experiments[name]
    changes = {"epochs": EPOCHS, "batch_size": 16, "epoch_share": 1.0, "every_batch": True}
    training = experiment.training.model_copy(update=changes)
    return experiment.model_copy(update={"training": training})


def everything(experiment, images, checkpoints=None):
    """All that training leaves, by name."""
    held_out = images if experiment.validation else None
    records = EpochRecords(experiment, SEEDS, images, held_out)
    trained = train(experiment, SEEDS, images, after_epoch=records, checkpoints=checkpoints)
    found = {name: tensor.numpy() for name, tensor in trained.model.state_dict().items()}
    found |= {"history": trained.history, "batches": trained.batches, **records.history()}
    if trained.table is not None:
        found["table"] = trained.table.numpy()
    for s in range(len(SEEDS)):
        found |= {f"{name}.{s}": array for name, array in records.growth_tensors(s).items()}
    return found


def stopped_after(steps, monkeypatch, work):
    """SIGTERM arrives in the given step of a training."""
    whole, done = Training._batch, 0

    def batch(self, order):
        nonlocal done
        whole(self, order)
        done += 1
        if done == steps:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Training, "_batch", batch)
    with interruption.heeded(), pytest.raises(interruption.Interrupted):
        work()
    monkeypatch.setattr(Training, "_batch", whole)


def assert_equal_bytes(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("name", FAMILIES)
def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    published, images, name, tmp_path, monkeypatch
):
    experiment = short(published, name)
    expected = everything(experiment, images)
    unfinished = Unfinished(tmp_path / "unfinished", {"code": "a"}, minutes=60)

    def go_on():
        return everything(experiment, images, unfinished.part(seeds=SEEDS))

    stopped_after(FAMILIES[name], monkeypatch, go_on)
    if name == "ad":
        stopped_after(2, monkeypatch, go_on)
    asked = []
    whole = Training._batch
    monkeypatch.setattr(Training, "_batch", lambda *a: (asked.append(0), whole(*a))[1])
    assert_equal_bytes(go_on(), expected)
    stopped = FAMILIES[name] + (2 if name == "ad" else 0)
    assert len(asked) == EPOCHS * STEPS_PER_EPOCH - stopped
    assert_equal_bytes(go_on(), expected)
    assert len(asked) == EPOCHS * STEPS_PER_EPOCH - stopped, "what is trained is not trained again"
    unfinished.clear()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["empty", "length", "header", "first", "middle", "last", "short"])
def test_a_damaged_state_is_set_aside_and_the_one_before_is_taken(
    published, images, where, tmp_path, monkeypatch, caplog
):
    experiment = short(published, "ad")
    expected = everything(experiment, images)
    each_step = Checkpoints(tmp_path, {}, minutes=1e-9)
    stopped_after(5, monkeypatch, lambda: everything(experiment, images, each_step))
    before, last = sorted(tmp_path.iterdir())
    content = bytearray(last.read_bytes())
    length = int.from_bytes(content[:8], "little")
    place = {"length": 1, "header": 8 + length // 2, "first": 8 + length, "last": -1}
    if where in ("empty", "short"):
        content = content[: 0 if where == "empty" else -1]
    else:
        content[place.get(where, (8 + length + len(content)) // 2)] ^= 1
    last.write_bytes(content)
    with caplog.at_level(logging.INFO):
        found = everything(experiment, images, Checkpoints(tmp_path, {}, minutes=60))
    assert_equal_bytes(found, expected)
    aside = last.with_suffix(".damaged")
    assert aside.read_bytes() == content
    assert f"set aside as {aside}" in caplog.text
    assert f"going on from {before}" in caplog.text


def test_a_state_is_written_once_its_minutes_have_passed(tmp_path, monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    written, done = Checkpoints(tmp_path, {}, minutes=2), []
    for step in range(1, 11):
        now.seconds += 50
        written.after_step(lambda step=step: {"done": torch.tensor(step)})
        done.append(int(state["done"]) if (state := written.load()) else 0)
    assert done == [0, 0, 3, 3, 3, 6, 6, 6, 9, 9]


def test_clearing_what_was_never_written_is_no_error(tmp_path):
    Unfinished(tmp_path / "none", {}, minutes=1).clear()


def test_a_state_of_other_work_is_not_taken(published, images, tmp_path, monkeypatch):
    experiment = short(published, "ad")
    unfinished = Unfinished(tmp_path, {"code": "a"}, minutes=60)
    part = unfinished.part(seeds=SEEDS)
    stopped_after(4, monkeypatch, lambda: everything(experiment, images, part))
    assert part.load() is not None
    assert unfinished.part(seeds=[1]).load() is None
    assert Unfinished(tmp_path, {"code": "b"}, minutes=60).part(seeds=SEEDS).load() is None


@pytest.mark.parametrize("name", ["ad", "vad-free-uniform", "vad-coded-gaussian", "gan-mnist"])
def test_codes_that_were_stopped_end_as_those_that_were_not(published, images, name, tmp_path):
    experiment = published.experiments[name]
    model, _ = initial_model(experiment, SEEDS, images.shape, IMAGES)
    if not model.table_width:
        pytest.skip("an encoder")
    model.eval().requires_grad_(False)
    few = experiment.latents.model_copy(update={"steps": 5})
    experiment = experiment.model_copy(update={"latents": few})
    expected = fit_table(model, experiment, SEEDS, images, "test")

    class Stopping(Checkpoints):
        def after_step(self, state):
            self.save(state())
            if int(state()["done"]) == 3:
                raise interruption.Interrupted

    with pytest.raises(interruption.Interrupted):
        stopping = Stopping(tmp_path, {}, minutes=60)
        fit_table(model, experiment, SEEDS, images, "test", checkpoints=stopping)
    again = Checkpoints(tmp_path, {}, minutes=60)
    assert int(again.load()["done"]) == 3
    found = fit_table(model, experiment, SEEDS, images, "test", checkpoints=again)
    assert torch.equal(found, expected)


def test_sigterm_ends_other_work_at_once():
    with interruption.heeded(), pytest.raises(interruption.Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("went on")
    assert not interruption.asked()
