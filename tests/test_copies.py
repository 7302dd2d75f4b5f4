"""Training on noisy copies, and sweeps."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from latent_atlas.config.experiments import Augmentation, Experiment
from latent_atlas.config.project import Project
from latent_atlas.config.searches import with_values
from latent_atlas.config.sweeps import Sweep
from latent_atlas.models.base import cross_entropy
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.copies import copy_rows, leaked_share, training_sets
from latent_atlas.training.kept import KeptSeeds
from latent_atlas.training.loop import SeedImages, train
from latent_atlas.training.records import EpochRecords
from latent_atlas.training.sweep import SweepTraining, sweep_frame

N = 60


@dataclass
class Inputs:
    """What `training_sets` and `SweepTraining` read of ExperimentInputs."""

    experiment: Experiment
    images: dict[str, SeedImages]
    seeds: list[int]
    device: str = "cpu"


def changed(project: Project, name: str, **values) -> Experiment:
    run = with_values(project.declared[name].model_dump(), values)
    return Experiment.model_validate(run)


def stack(n, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (n, 1, 28, 28), dtype=np.uint8)
    return SeedImages.select(images, np.arange(n)[None], "cpu")


def copies(project, name, **augmentation):
    """The experiment's images: 48 and 12 where they are divided first, else 60."""
    declared = project.declared[name].augmentation
    settings = Augmentation.model_validate(declared.model_dump() | augmentation)
    experiment = changed(project, name, augmentation=settings)
    images = {"train": stack(N)}
    if settings.split == "images":
        images = {"train": stack(48), "validation": stack(12, 1)}
    return Inputs(experiment, images, [0, 1])


def test_copies_are_divided_by_themselves_as_written(published):
    inputs = copies(published, "fnn")
    training, held = training_sets(inputs)
    assert (training.count, held.count) == (144, 36)
    trained, validated = copy_rows(inputs.experiment, N)
    assert sorted([*trained, *validated]) == list(range(3 * N))
    whole = np.concatenate([training.pixels[0], held.pixels[0]])[np.argsort([*trained, *validated])]
    originals = inputs.images["train"].pixels[0].numpy()
    assert (whole[:N] == originals).all(), "the images themselves come first, unchanged"
    for copy, scale in enumerate((0.1, 0.3), 1):
        added = (whole[copy * N : (copy + 1) * N] - originals) / 255
        assert added.std() == pytest.approx(scale, rel=0.02)
        assert added.mean() == pytest.approx(0, abs=0.01)


def test_the_leak_is_what_chance_makes_it(published):
    """Of two other copies one at least is trained on with 1 − .2² = .96; divided first, none is."""
    assert leaked_share(published.declared["fnn"], 60000) == pytest.approx(0.96, abs=0.003)
    assert leaked_share(published.declared["fnn-split"], 48000) == 0
    inputs = copies(published, "fnn-split")
    training, held = training_sets(inputs)
    assert (training.count, held.count) == (144, 36)
    for images, part in ((training, "train"), (held, "validation")):
        alone = inputs.images[part]
        assert (images.pixels[0, : alone.count] == alone.pixels[0]).all()


def test_a_clean_target_is_the_copied_image(published):
    noisy, clean = (
        training_sets(copies(published, "fnn", target=target))[0] for target in ("noisy", "clean")
    )
    index = torch.arange(noisy.count).expand(2, -1)
    batch = noisy.batch(index, torch.float64)
    assert noisy.target(index, batch) is batch
    assert (clean.batch(index, torch.float64) == batch).all(), "the same noise"
    rows, _ = copy_rows(published.declared["fnn"], N)
    expected = stack(N).pixels[0, rows % N].double() / 255
    assert (clean.target(index, batch)[1] == expected).all()


def test_clipping_keeps_copies_in_range(published):
    loose, cut = (
        training_sets(copies(published, "fnn", clip=clip))[0].pixels / 255 for clip in (False, True)
    )
    assert loose.min() < -0.1
    assert loose.max() > 1.1
    assert (cut == loose.clamp(0, 1)).all() or torch.allclose(cut, loose.clamp(0, 1), atol=1e-6)


def test_cross_entropy_is_torchs_and_goes_beyond_it():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 784, generator=generator, dtype=torch.float64) * 4
    images = torch.rand(3, 5, 784, generator=generator, dtype=torch.float64)
    ours, theirs = (torch.sigmoid(logits).requires_grad_() for _ in range(2))
    loss = cross_entropy(ours, images)
    reference = torch.nn.functional.binary_cross_entropy(theirs, images, reduction="none").sum(-1)
    torch.testing.assert_close(loss, reference)
    loss.sum().backward()
    reference.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    level = torch.full((1, 1, 1), 0.25)
    beyond = cross_entropy(level, torch.full((1, 1, 1), -0.5))
    assert beyond.item() == pytest.approx(0.5 * np.log(0.25) - 1.5 * np.log(0.75))
    saturated = torch.tensor([[[0.0, 1.0, 0.0, 1.0]]], requires_grad=True)
    loss = cross_entropy(saturated, torch.tensor([[[0.0, 1.0, 1.0, 0.0]]]))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(saturated.grad).all()


def test_points_of_a_sweep_are_named_by_their_values():
    grid = {"training.learning_rate": [0.001, 0.01], "training.weight_decay": [0, 1e-05]}
    sweep = Sweep(id="g", title="g", reading="control", base="fnn", grid=grid)
    assert list(sweep.named_points()) == ["0.001+0", "0.001+1e-05", "0.01+0", "0.01+1e-05"]
    assert sweep.named_points()["0.01+1e-05"] == {
        "training.learning_rate": 0.01,
        "training.weight_decay": 1e-05,
    }


SHORT = {"training.epochs": 2, "training.batch_size": 16}
POINTS = [
    {"model.latent": 7, "training.learning_rate": 0.001},
    {"model.latent": 7, "training.learning_rate": 0.01},
    {"model.latent": 2, "training.learning_rate": 0.001},
]


@pytest.mark.parametrize("base", ["fnn", "cnn"])
def test_a_sweeps_point_is_the_experiment_with_its_values(published, tmp_path, base):
    """Whatever the points beside it in its stack: families whose seeds are one network put points
    that differ in their rates into one."""
    inputs = copies(published, base)
    inputs.experiment = changed(published, base, **SHORT)
    sweep = Sweep(id="own", title="Own", reading="control", base=base, points=POINTS)
    members = [[point, seed] for point in sweep.named_points() for seed in inputs.seeds]
    family = inputs.experiment.model.family
    stacks = sweep.stacks(family, members, 3)
    assert [len(stack) for stack in stacks] == ([3, 1, 2] if base == "fnn" else [2, 2, 2])
    training = SweepTraining(sweep, inputs, Unfinished(tmp_path, {}, minutes=60))
    kept = KeptSeeds(tmp_path / "seeds", {}, lambda member: sweep.named_points()[member[0]])
    parts, costs = kept.trained(members, training, partial(sweep.stacks, family, most=3))
    assert costs.seeds.tolist() == [len(stack) for stack in stacks]
    assert set(costs.epochs) == {2}
    again, same_costs = kept.trained(members[2:], None)
    assert [p["loss"].item() for p in again] == [p["loss"].item() for p in parts[2:]]
    assert same_costs.train_seconds.isin(costs.train_seconds).all()
    table = sweep_frame(sweep, "mnist", members, parts)
    values = table.set_index(["metric", "seed"]).value
    images, held = training_sets(inputs)
    for name, point in sweep.named_points().items():
        alone = changed(published, base, **SHORT, **point, id="own")
        records = EpochRecords(alone, [0, 1], images, held)
        train(alone, [0, 1], images, after_epoch=records)
        expected = records.validation[-1][:, 0].double()
        assert values[f"sweep_loss/{name}"].tolist() == expected.tolist()
    assert not pd.isna(table.unit).any()


@pytest.mark.parametrize(
    ("losses", "excess"),
    [((8.0, 4.0), (1.0, 0.0)), ((2.0, -4.0), (1.5, 0.0)), ((-3.0, -4.0), (0.25, 0.0))],
)
def test_an_excess_is_above_the_best_points_loss_whatever_its_sign(published, losses, excess):
    sweep = published.declared["fnn-sizes"].model_copy(update={"grid": {"model.latent": [2, 7]}})
    parts = [{"loss": np.array(loss)} for loss in losses]
    table = sweep_frame(sweep, "mnist", [["2", 0], ["7", 0]], parts)
    found = table[table.metric.str.startswith("sweep_excess")]
    assert dict(zip(found.metric, found.value, strict=True)) == {
        "sweep_excess/2": excess[0],
        "sweep_excess/7": excess[1],
    }
