"""Classifiers: augmentation, training, early stopping, scores."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from latent_atlas import interruption
from latent_atlas.classification.augment import rotate_and_mirror
from latent_atlas.classification.fit import Fitting, Labelled, assess, fit
from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.classification.results import (
    PREDICTED,
    WEIGHTS,
    history_frame,
    metric_frame,
    train_seed,
)
from latent_atlas.classification.train import ClassifierTraining
from latent_atlas.models.classifiers import Cnn
from latent_atlas.models.per_seed import initialised
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.kept import stacked
from latent_atlas.training.loop import initial_model

SEEDS = [0, 3]


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def test_augmentation_keeps_shape_type_range_and_order():
    grey = torch.arange(10, dtype=torch.uint8) * 25
    images = grey[:, None, None, None] * torch.ones(10, 1, 28, 28, dtype=torch.uint8)
    augmented = rotate_and_mirror(images, stream())
    assert (augmented.shape, augmented.dtype) == (images.shape, torch.uint8)
    assert torch.equal(augmented[:, 0, 14, 14], grey), "image i stays image i, and so its label"
    for before, after in zip(images, augmented, strict=True):
        assert set(after.unique().tolist()) <= {0, *before.unique().tolist()}


def test_augmentation_mirrors_and_turns_each_image_by_its_own_angle():
    half = torch.zeros(50, 1, 28, 28, dtype=torch.uint8)
    half[..., :9] = 200
    augmented = rotate_and_mirror(half, stream())
    middle = augmented[:, 0, 14]
    assert (middle[:, -5:] == 200).all(), "left has become right"
    assert (middle[:, :14] == 0).all()
    assert len({image.numpy().tobytes() for image in augmented}) > 10
    assert torch.equal(augmented, rotate_and_mirror(half, stream()))


def blobs(n, seed=0):
    """Ten classes, each a bright column of its own."""
    labels = torch.arange(n) % 10
    pixels = torch.randint(0, 60, (n, 28, 28), dtype=torch.uint8, generator=stream(seed))
    for image, label in zip(pixels, labels.tolist(), strict=True):
        image[:, 2 * label + 3] = 255
    return Labelled(pixels.view(n, 784), labels)


def test_patience_ends_training_and_keeps_the_best_epoch():
    network = initialised(lambda: Cnn(10), "kaiming", stream())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    seen = []
    fitted = fit(
        network,
        [optimiser],
        blobs(60),
        blobs(40, seed=1),
        ("x", 0),
        epochs=30,
        batch_size=20,
        patience=2,
        after_epoch=lambda epoch, accuracy: seen.append(accuracy),
    )
    best = int(np.argmax(seen))
    assert len(seen) == best + 3 < 30
    assert assess(network, blobs(40, seed=1))[1] == pytest.approx(seen[best])
    assert [row[:2] for row in fitted.history[:2]] == [(1, "train"), (1, "validation")]


def inputs_for(published, name):
    """A classifier of the study on 40 + 20 + 30 made images."""
    classifier = published.classifiers[name].model_copy(update={"epochs": 2, "batch_size": 20})
    encoder = weights = None
    if classifier.model.kind == "encoder":
        encoder = published.experiments[classifier.model.encoder]
        state = initial_model(encoder, SEEDS, [1, 28, 28], 1)[0].state_dict()
        weights = {
            key.removeprefix("encoder."): tensor
            for key, tensor in state.items()
            if key.startswith("encoder.")
        }
    data = {
        "train": [blobs(40, s) for s in SEEDS],
        "validation": [blobs(20, s + 10) for s in SEEDS],
        "test": [blobs(30, s + 20) for s in SEEDS],
    }
    dataset = published.datasets["fashion-mnist"]
    return ClassifierInputs(classifier, dataset, SEEDS, data, encoder, weights, {}, {}, "cpu")


def trained(inputs):
    return [ClassifierTraining(inputs, s, "x").run() for s in range(len(inputs.seeds))]


def kept(inputs, folder):
    """What is kept of each seed, and what it cost."""
    unfinished = Unfinished(folder, {}, minutes=60)
    each = [train_seed(inputs, unfinished, [seed]) for seed in inputs.seeds]
    return [part for parts, _ in each for part in parts], [row for _, rows in each for row in rows]


@pytest.mark.parametrize("name", ["cl-validation", "cnn-augmented"])
def test_scores_are_scikit_learns(published, name, tmp_path):
    inputs = inputs_for(published, name)
    parts, costs = kept(inputs, tmp_path)
    predicted = stacked(parts, PREDICTED)
    metrics = (
        metric_frame(predicted, inputs.seeds, inputs).set_index(["seed", "split", "metric"]).value
    )
    for s, seed in enumerate(SEEDS):
        for split in ("validation", "test"):
            labels, found = predicted[f"{split}_labels"][s], predicted[split][s]
            scores = f1_score(labels, found, average=None, labels=range(10), zero_division=0)
            ours = [metrics[seed, split, f"f1_percent/{c}"] for c in inputs.dataset.classes]
            np.testing.assert_allclose(ours, 100 * scores)
            assert metrics[seed, split, "accuracy_percent"] == pytest.approx(
                100 * accuracy_score(labels, found)
            )
            confusion = confusion_matrix(labels, found, labels=range(10))
            recall = 100 * np.diag(confusion) / confusion.sum(1)
            ours = [metrics[seed, split, f"recall_percent/{c}"] for c in inputs.dataset.classes]
            np.testing.assert_allclose(ours, recall)
        gap = metrics[seed, "validation", "accuracy_percent"]
        gap -= metrics[seed, "test", "accuracy_percent"]
        assert metrics[seed, "test", "accuracy_gap_points"] == pytest.approx(abs(gap))
    assert [row["seed"] for row in costs] == SEEDS
    assert all(row["train_seconds"] > 0 for row in costs)
    history = history_frame(parts, inputs.seeds, inputs)
    assert history.groupby(["seed", "split", "term"]).size().eq(2).all()
    assert all(len(tensor) == 2 for tensor in stacked(parts, WEIGHTS).values())


def test_what_was_trained_on_is_not_predicted(published, tmp_path):
    inputs = inputs_for(published, "cl")
    assert trained(inputs)[0].images_seen == 2 * 60
    assert set(stacked(kept(inputs, tmp_path)[0], PREDICTED)) == {"test", "test_labels"}


def test_trained_frozen_and_scratch(published):
    inputs = inputs_for(published, "cl")
    start = inputs.weights["conv1.weight"][0]
    after = {}
    for how in ("trained", "frozen", "scratch"):
        model = inputs.classifier.model.model_copy(update={"start": how})
        changed = replace(inputs, classifier=inputs.classifier.model_copy(update={"model": model}))
        after[how] = ClassifierTraining(changed, 0, "x").run().network.encoder.conv1.weight
    assert torch.equal(after["frozen"], start)
    assert not torch.equal(after["trained"], start)
    assert (after["trained"] - start).norm() < (after["scratch"] - start).norm()


def test_earlier_heads_move_the_encoder_on(published):
    inputs = inputs_for(published, "cl-coded")
    assert len(inputs.classifier.model.earlier_heads) == 8
    model = inputs.classifier.model.model_copy(update={"earlier_heads": []})
    plain = replace(inputs, classifier=inputs.classifier.model_copy(update={"model": model}))
    moved, alone = (ClassifierTraining(i, 0, "x").run() for i in (inputs, plain))
    assert moved.images_seen == alone.images_seen, "earlier heads do not count"
    assert not torch.equal(moved.network.encoder.code.weight, alone.network.encoder.code.weight)


@pytest.mark.parametrize("name", ["cl-validation", "cnn-plain"])
def test_a_seed_repeats_whatever_ran_before(published, name):
    inputs = inputs_for(published, name)
    both = trained(inputs)
    data = {split: parts[1:] for split, parts in inputs.data.items()}
    weights = inputs.weights and {key: tensor[1:] for key, tensor in inputs.weights.items()}
    (alone,) = trained(replace(inputs, seeds=SEEDS[1:], data=data, weights=weights))
    for key, tensor in alone.network.state_dict().items():
        assert torch.equal(tensor, both[1].network.state_dict()[key]), key


def all_of(fitted):
    weights = fitted.network.state_dict().values()
    return [tensor.numpy().tobytes() for tensor in weights], fitted.history, fitted.images_seen


@pytest.mark.parametrize(
    ("name", "last"), [("cnn-augmented", 4), ("cl", 2), ("cl-frozen", 3), ("cl-coded", 7)]
)
def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    published, name, last, tmp_path, monkeypatch
):
    """By SIGTERM after batch 1, then after batch `last` of what is left."""
    inputs = inputs_for(published, name)
    expected = all_of(ClassifierTraining(inputs, 1, "x").run())
    unfinished = Unfinished(tmp_path, {}, minutes=60)
    batch, done = Fitting._batch, []

    def stopping(self, index):
        batch(self, index)
        done.append(index)
        if len(done) in (1, 1 + last):
            os.kill(os.getpid(), signal.SIGTERM)

    def go_on():
        return ClassifierTraining(inputs, 1, "x", unfinished=unfinished).run()

    monkeypatch.setattr(Fitting, "_batch", stopping)
    for _ in range(2):
        with interruption.heeded(), pytest.raises(interruption.Interrupted):
            go_on()
    assert all_of(go_on()) == expected
    trained_on = len(done)
    assert all_of(go_on()) == expected
    assert len(done) == trained_on, "what is trained is not trained again"
