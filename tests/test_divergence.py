"""A seed whose training is no longer finite ends alone, and is told of."""

import numpy as np
import pandas as pd
import pytest
import torch

from latent_atlas.errors import InputError
from latent_atlas.files import (
    read_table,
    read_tensor_metadata,
    read_tensors,
    write_table,
    write_tensors,
)
from latent_atlas.training.divergence import Divergence, Survivors
from latent_atlas.training.kept import living
from latent_atlas.training.loop import SeedImages, train
from latent_atlas.training.store import living_seeds

SEEDS = [1, 4, 6]


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 1, 28, 28), dtype=np.uint8)
    return SeedImages.select(pixels, np.arange(40)[None], "cpu")


def trained(published, name, images, epochs=4, after_epoch=None):
    experiment = published.experiments[name]
    changes = {"epochs": epochs, "batch_size": 16, "epoch_share": 1.0}
    training = experiment.training.model_copy(update=changes)
    experiment = experiment.model_copy(update={"training": training})
    return train(experiment, SEEDS, images, after_epoch=after_epoch)


def tensors(done):
    return done.model.state_dict() | ({} if done.table is None else {"table": done.table})


@pytest.mark.parametrize("name", ["ad", "vad-gaussian", "fnn", "ae-adam", "gan-mnist-16"])
def test_a_seed_that_diverges_keeps_its_last_good_weights(published, images, name):
    def spoil(epoch, model, table):
        if epoch == 2:
            state = model.state_dict()
            for tensor in state.values():
                tensor[1] = float("nan")
            model.load_state_dict(state)

    spoilt = trained(published, name, images, after_epoch=spoil)
    whole, before = (trained(published, name, images, epochs=epochs) for epochs in (4, 2))
    assert [(s, d.seed, d.epoch) for s, d in spoilt.diverged.items()] == [(1, 4, 3)]
    assert spoilt.diverged[1].term in whole.terms
    assert not whole.diverged
    for key, tensor in tensors(spoilt).items():
        assert torch.equal(tensor[[0, 2]], tensors(whole)[key][[0, 2]]), key
        assert torch.equal(tensor[1], tensors(before)[key][1]), key
    np.testing.assert_array_equal(spoilt.history[:, [0, 2]], whole.history[:, [0, 2]])


def test_training_ends_when_no_seed_is_left(published, images):
    epochs = []

    def spoil(epoch, model, table):
        epochs.append(epoch)
        next(model.parameters()).data.fill_(float("inf"))

    done = trained(published, "ad", images, after_epoch=spoil)
    assert epochs == [1, 2]
    assert len(done.diverged) == len(SEEDS)


def test_the_first_term_that_is_not_finite_is_named():
    tensors = {"w": torch.zeros(3, 2), "b": torch.zeros(3)}
    survivors = Survivors(SEEDS, ("loss", "kl_nats"), tensors)
    losses = torch.tensor([[1.0, 1.0, 1.0], [1.0, float("inf"), 1.0]])
    survivors.after_epoch(1, losses, tensors)
    tensors["b"][0] = float("nan")
    survivors.after_epoch(2, losses, tensors)
    assert survivors.diverged() == {0: Divergence(1, 2, "weights"), 1: Divergence(4, 1, "kl_nats")}
    assert survivors.good["b"].isfinite().all()
    assert survivors.any
    assert "seed 4: kl_nats not finite in epoch 1" in str(Divergence(4, 1, "kl_nats"))


def test_an_experiment_without_a_living_seed_is_an_error(tmp_path):
    costs = pd.DataFrame({"diverged": ["seed 1: loss not finite in epoch 3"]})
    with pytest.raises(InputError, match=r"ad diverged: seed 1: loss .*epoch 3.*learning rate"):
        living("ad", [1], [{"diverged": np.asarray(3)}], costs, tmp_path)


def test_weights_without_a_seed_that_was_trained(tmp_path):
    path = tmp_path / "weights.safetensors"
    write_tensors(path, {"w": np.zeros((1, 2))}, seeds=[0], trained=[0, 1])
    assert living_seeds(path, [0, 1]) == [0]
    with pytest.raises(InputError, match=r"holds seeds \[0, 1\], not \[2\]"):
        living_seeds(path, [0, 1, 2])


def bury(folder, run: str) -> None:
    """Leave of two seeds what training leaves where the second diverged."""
    for name in ("weights", "growth"):
        path = folder / f"{name}.safetensors"
        facts = read_tensor_metadata(path)
        facts.pop("digest")
        if name == "weights":
            facts["seeds"] = facts["seeds"][:1]
        kept = {
            key: tensor if key == "epochs" else tensor[:1]
            for key, tensor in read_tensors(path).items()
        }
        write_tensors(path, kept, **facts)
    history = read_table(folder / "history.parquet")
    write_table(folder / "history.parquet", history[history.seed == 0])
    costs = read_table(folder / "costs.parquet")
    write_table(folder / "costs.parquet", costs.assign(diverged=str(Divergence(1, 3, "loss"))))


@pytest.mark.slow
def test_a_run_with_a_dead_seed_ends_and_says_so(tiny):
    bury(tiny.folder / "results/runs/ae-tuned", "ae-tuned")
    run = tiny.snakemake()
    assert run.returncode == 0, run.stderr
    metrics = read_table(tiny.folder / "results/metrics.parquet")
    for name in ("ae-tuned", "cl"):
        rows = metrics[metrics.experiment == name]
        dead = rows[rows.seed == 1]
        assert len(dead)
        assert dead.value.isna().all()
        assert rows[(rows.seed == 0) & (rows.reason == "")].value.notna().all()
    claims = read_table(tiny.folder / "results/claims.parquet")
    said = claims[claims.reason.str.contains("ae-tuned without seed 1, which diverged")]
    assert (said.experiment == "ae-tuned").any()
    assert said.seeds.max() == 1
    page = (tiny.folder / "results/report.html").read_text()
    assert "ae-tuned diverged: seed 1: loss not finite in epoch 3" in page
