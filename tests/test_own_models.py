"""Networks, metrics and weights of the user's own: the README's examples as written, and errors."""

import re
import textwrap

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, Checkout
from safetensors.torch import save_file

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.own import load_file
from latent_atlas.errors import InputError
from latent_atlas.evaluation.own import OwnMeasures
from latent_atlas.files import read_table
from latent_atlas.models.registry import build_model
from latent_atlas.streams import torch_streams
from latent_atlas.training.loop import SeedImages, train

STUDY = "config/studies/mine.yaml"
RUN = ("--config", "studies=[mine]", "own_metrics=[metrics/ink.py]", "seeds=2")


def blocks(section: str) -> list[tuple[str, str]]:
    """Language and text of each code block of a section of the README."""
    text = (ROOT / "README.md").read_text().split(f"### {section}\n")[1].split("\n### ")[0]
    return re.findall(r"```(\w+)\n(.*?)```", text.split("\n## ")[0], re.DOTALL)


@pytest.fixture
def own(checkout) -> Checkout:
    """A checkout with the README's network, metric and study, as written."""
    (_, network), (_, metric), (_, study), (_, command) = blocks(
        "Your own network, metric and claims"
    )
    assert command.strip().startswith("snakemake --cores all --config studies=[mine] own_metrics=")
    for name, text in (("models/mine.py", network), ("metrics/ink.py", metric), (STUDY, study)):
        (checkout.folder / name).parent.mkdir(exist_ok=True)
        (checkout.folder / name).write_text(text)
    return checkout


def test_the_readmes_network_and_metric_are_measured_and_judged(own):
    run = own.snakemake(*RUN)
    assert run.returncode == 0, run.stderr[-3000:]
    metrics = read_table(own.folder / "results/metrics.parquet")
    ink = metrics[metrics.metric == "own_ink_error"]
    assert set(zip(ink.experiment, ink.seed, strict=True)) == {
        (name, seed) for name in ("mine", "mlp") for seed in (0, 1)
    }
    assert set(ink.unit) == {"grey level"}
    assert (ink.value > 0).all()
    mine = metrics[(metrics.experiment == "mine") & (metrics.reason == "")]
    assert {"elbo_nats", "knn_accuracy", "random_frechet"} <= set(mine.metric)
    claims = read_table(own.folder / "results/claims.parquet")
    assert claims.verdict.isin(["reproduced", "not reproduced", "inconclusive"]).all()
    assert "Nothing to be done" in own.snakemake(*RUN).stderr
    path = own.folder / "metrics/ink.py"
    path.write_text(path.read_text().replace("abs(", "2 * abs("))
    again = own.snakemake("-n", *RUN)
    assert "evaluate_mine" in again.stdout
    assert "train_mine" not in again.stdout
    path = own.folder / "models/mine.py"
    path.write_text(path.read_text().replace("nn.ReLU()", "nn.ELU()"))
    assert "train_mine" in own.snakemake("-n", *RUN).stdout


def test_a_pythae_vae_enters_the_comparison(own):
    """Trained by pythae, with the README's wrapper as written."""
    (_, wrapper), (_, model) = blocks("A model that was trained elsewhere")
    (own.folder / "models/pythae_vae.py").write_text(wrapper)
    (own.folder / "weights").mkdir()
    images = "results/datasets/digits/train.safetensors"
    assert own.snakemake(images).returncode == 0
    from latent_atlas.datasets.splits import read_split

    pixels, _ = read_split(own.folder / images)
    module = load_file(own.folder / "models/pythae_vae.py", "test")
    losses = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = module.PythaeVae(8, [1, 28, 28])
        losses.append(trained_by_pythae(network.vae, torch.from_numpy(pixels[:300]) / 255))
        save_file(network.state_dict(), own.folder / f"weights/{seed}.safetensors")
    described = yaml.safe_load(model)["model"]
    elsewhere = {"title": "pythae", "reading": "control", "model": described}
    small = {"experiments": ["mine", "mlp", "elsewhere"]}
    own.edit(STUDY, experiments={"elsewhere": elsewhere}, small=small)
    run = own.snakemake("metrics", *RUN)
    assert run.returncode == 0, run.stderr[-3000:]
    metrics = read_table(own.folder / "results/metrics.parquet")
    theirs = metrics[(metrics.experiment == "elsewhere") & (metrics.reason == "")]
    assert set(theirs.seed) == {0, 1}
    found = theirs.set_index(["metric", "split", "seed"]).value.sort_index()
    mean_image = found["control_mean_image_mse", "test"].mean()
    assert found["reconstruction_mse", "test"].mean() < 0.8 * mean_image
    assert {"elbo_nats", "knn_accuracy", "random_frechet", "parameters"} <= set(theirs.metric)
    costs = read_table(own.folder / "results/runs/elsewhere/costs.parquet")
    assert costs.epochs.tolist() == [1]


def trained_by_pythae(vae: torch.nn.Module, images: torch.Tensor) -> float:
    """Some epochs of pythae's own loss; its trainer writes pickled files."""
    optimiser = torch.optim.Adam(vae.parameters(), 1e-3)
    for _ in range(30):
        for batch in images.split(50):
            loss = vae({"data": batch}).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return loss.item()


NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, latent, shape, rate=0.5):
        super().__init__()
        self.into, self.out = nn.Linear(784, latent), nn.Linear(latent, 784)
        self.drop, self.norm = nn.Dropout(rate), nn.BatchNorm1d(latent)
    def encode(self, images):
        return self.norm(self.into(self.drop(images.flatten(1))))
    def decode(self, codes):
        return self.out(codes).sigmoid().view(-1, 1, 28, 28)
"""


def experiment(file, **changes) -> Experiment:
    model = {"family": "own-autoencoder", "file": str(file), "network": "Net", "latent": 4}
    training = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}
    return Experiment.model_validate(
        {
            "id": "own",
            "title": "Own",
            "reading": "control",
            "dataset": "mnist",
            "model": model | changes,
            "training": training | {"objective": {"reconstruction": "sse"}},
            "random_latents": "normal",
        }
    )


def stacked(seeds):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 1, 28, 28), dtype=np.uint8)
    return SeedImages.select(pixels, np.tile(np.arange(40), (len(seeds), 1)), "cpu")


def test_dropout_and_batch_statistics_are_each_seeds_own(tmp_path):
    """A seed alone is the seed among others, twice the same, and evaluation drops nothing."""
    (tmp_path / "net.py").write_text(NETWORK)
    own = experiment(tmp_path / "net.py")
    three = train(own, [0, 1, 2], stacked([0, 1, 2])).model.state_dict()
    alone = train(own, [1], stacked([1])).model
    assert {"of_seeds.norm.running_mean", "of_seeds.into.weight"} <= three.keys()
    for name, tensor in alone.state_dict().items():
        assert torch.equal(tensor[0], three[name][1]), name
    x = torch.rand(1, 5, 784)
    assert torch.equal(alone.posterior(x)[0], alone.posterior(x)[0])
    assert not torch.equal(alone.state_dict()["of_seeds.norm.running_mean"], torch.zeros(1, 4))


@pytest.mark.parametrize(
    ("old", "new", "changes", "words"),
    [
        ("", "", {"network": "Nets"}, "has no torch.nn.Module named 'Nets'"),
        ("import torch\n", "import torsh\n", {}, "cannot be run (ModuleNotFoundError"),
        ("latent, shape", "latent, shapes", {}, "Net cannot be made (TypeError"),
        ("", "", {"settings": {"depth": 3}}, "Net cannot be made (TypeError"),
        (
            "view(-1, 1, 28, 28)",
            "view(-1, 2, 392)[:, :1]",
            {},
            "decode gives [2, 392] for [2, 784]",
        ),
        ("nn.Linear(784, latent)", "nn.Linear(784, 9)", {}, "fails on two images"),
        ("", "", {"family": "own-vae"}, "encode must give mean and log variance"),
    ],
)
def test_a_network_that_does_not_fit_is_named(tmp_path, old, new, changes, words):
    path = tmp_path / "net.py"
    path.write_text(NETWORK.replace(old, new, 1) if old else NETWORK)
    own = experiment(path, **changes)
    with pytest.raises(InputError, match=r"net\.py") as caught:
        build_model(own.model, (1, 28, 28), torch_streams("own", [0], "initialisation"))
    assert words in str(caught.value)


def test_weights_that_do_not_fit_are_named(tmp_path):
    (tmp_path / "net.py").write_text(NETWORK)
    weights = str(tmp_path / "0.safetensors")
    save_file({"into.weight": torch.zeros(4, 784), "other": torch.zeros(1)}, weights)
    own = experiment(tmp_path / "net.py", weights=[weights])
    with pytest.raises(InputError, match=r"0\.safetensors: does not fit Net .*into\.bias"):
        train(own, [0], stacked([0]))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            {"model": {"file": "models/none.py"}},
            "experiments.mine.model.file: found 'models/none.py'",
        ),
        ({"model": {"weights": ["a.safetensors"]}}, "experiments.mine.model.weights.0: found"),
    ],
)
def test_a_file_that_is_not_there_is_named_by_its_key(own, edit, words):
    own.edit(STUDY, experiments={"mine": edit})
    run = own.snakemake("-n", *RUN)
    assert run.returncode != 0
    assert words in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "def ink_error(images):\n    return 0.0\n",
            "ink_error: found '' as its docstring",
        ),
        ("def other(images):\n    '''1: one'''\n", "unknown 'own_ink_error'"),
        ("def ink_error(\n", "metrics/ink.py: cannot be read"),
    ],
)
def test_a_metric_that_cannot_be_is_named_before_any_job(own, text, words):
    (own.folder / "metrics/ink.py").write_text(text)
    run = own.snakemake("-n", *RUN)
    assert run.returncode != 0
    assert words in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("(pictures):\n    '''1: a'''\n    return 0", "asks for 'pictures'; offered: images"),
        ("(images):\n    '''1: a'''\n    return images", "fails (TypeError"),
        ("(images):\n    '''1: a'''\n    return 1 / 0", "fails (ZeroDivisionError"),
    ],
)
def test_a_metric_that_fails_is_named(tmp_path, body, words):
    path = tmp_path / "own.py"
    path.write_text(f"def one{textwrap.dedent(body)}\n")
    measures = object.__new__(OwnMeasures)
    measures.seeds, measures.shape = [0], (1, 2, 2)
    measures.codes = {"test": (torch.zeros(1, 3, 2), None)}
    measures.labels = {"test": np.zeros((1, 3), int)}
    measures.decode = lambda codes: np.zeros((1, 3, 4))
    measures.real = lambda split, s: np.zeros((3, 4))
    with pytest.raises(InputError, match=r"own\.py") as caught:
        measures.measure_own([str(path)], {"own_one": ("1", "a")})
    assert words in str(caught.value)
