"""Seeds that are kept, so that more seeds train only new ones."""

import logging
from functools import partial

import numpy as np
import pytest
import torch

from latent_atlas.config.stacks import dealt, stacks_of
from latent_atlas.errors import InputError
from latent_atlas.training.kept import KeptSeeds, stacked


class Training:
    """Remembers which seeds it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, seeds):
        self.asked.append(seeds)
        cost = {"experiment": "x", "seeds": len(seeds), "train_seconds": 10.0 * len(self.asked)}
        return [{"a.w": np.full(2, seed, np.float32), "b": np.array(seed)} for seed in seeds], [
            cost
        ]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "seeds"


def test_more_seeds_train_only_the_new_ones(folder, caplog):
    training = Training()
    KeptSeeds(folder, {"code": "a"}).trained([0, 1, 2], training)
    with caplog.at_level(logging.INFO):
        parts, costs = KeptSeeds(folder, {"code": "a"}).trained([0, 1, 2, 3, 4], training)
    assert training.asked == [[0, 1, 2], [3, 4]]
    assert "training seeds [3, 4]; kept: [0, 1, 2]" in caplog.text
    assert stacked(parts, "a.")["w"].tolist() == [[s, s] for s in range(5)]
    assert [part["b"].item() for part in parts] == [0, 1, 2, 3, 4]
    assert costs[["seeds", "train_seconds"]].to_numpy().tolist() == [[3, 10.0], [2, 20.0]]
    parts, costs = KeptSeeds(folder, {"code": "a"}).trained([4, 1], training)
    assert len(training.asked) == 2
    assert [part["b"].item() for part in parts] == [4, 1]


def test_what_was_made_otherwise_is_not_taken_and_goes(folder):
    training = Training()
    KeptSeeds(folder, {"code": "a"}).trained([0, 1], training)
    KeptSeeds(folder, {"code": "b"}).trained([0], training)
    KeptSeeds(folder, {"code": "b"}, lambda seed: "encoder").trained([0], training)
    assert training.asked == [[0, 1], [0], [0]]
    assert len(list(folder.iterdir())) == 2, "one file a seed"


def test_a_damaged_file_is_trained_again(folder, caplog):
    training = Training()
    KeptSeeds(folder, {}).trained([0, 1], training)
    path = next(folder.glob("1-*"))
    path.write_bytes(path.read_bytes()[:20])
    parts, _ = KeptSeeds(folder, {}).trained([0, 1], training)
    assert training.asked == [[0, 1], [1]]
    assert f"{path}: " in caplog.text
    assert "it is trained again" in caplog.text
    assert parts[1]["b"] == 1


def test_at_most_so_many_are_trained_together_and_points_have_folders_of_their_own(folder):
    training = Training()
    members = [[point, seed] for point in ("0.1", "0.2") for seed in (0, 1, 2)]

    def make(stack):
        return training([seed for _, seed in stack])

    kept = KeptSeeds(folder, {}, lambda member: {"rate": float(member[0])})
    parts, costs = kept.trained(members, make, partial(stacks_of, most=4))
    assert training.asked == [[0, 1, 2, 0], [1, 2]]
    assert costs.seeds.tolist() == [4, 2]
    assert [part["b"].item() for part in parts] == [0, 1, 2, 0, 1, 2]
    assert sorted(len(list(point.iterdir())) for point in folder.iterdir()) == [3, 3]
    kept.trained(members[2:4], make)
    assert len(training.asked) == 2


def test_jobs_share_stacks_of_equal_shape():
    assert stacks_of([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert stacks_of([1, 2, 3, 4, 5], 2, lambda m: m % 2) == [[1, 3], [5], [2, 4]]
    assert dealt([[1, 2], [3, 4], [5]], 2) == [[1, 2, 5], [3, 4]]
    assert dealt([[1, 2], [3, 4]], 5) == [[1, 2], [3, 4]]
    assert dealt([[1, 2], [3, 4]], 1) == []
    assert dealt([[1, 2]], 3) == []


def test_seeds_that_do_not_fit_together_are_trained_in_halves(folder, caplog):
    training = Training()

    def make(seeds):
        if len(seeds) > 2:
            raise torch.cuda.OutOfMemoryError("no room")
        return training(seeds)

    parts, costs = KeptSeeds(folder, {}).trained([0, 1, 2, 3, 4], make)
    assert training.asked == [[0, 1], [2], [3, 4]]
    assert "does not hold seeds [0, 1, 2, 3, 4] together" in caplog.text
    assert [part["b"].item() for part in parts] == [0, 1, 2, 3, 4]
    assert costs.seeds.tolist() == [2, 1, 2]


def test_one_seed_that_does_not_fit_is_an_error(folder):
    def make(seeds):
        raise torch.cuda.OutOfMemoryError("no room")

    with pytest.raises(InputError, match=r"seed 0 alone does not fit.*batch_size"):
        KeptSeeds(folder, {}).trained([0, 1], make)
