"""Searches: the same trials however they are run, and spaces that are refused."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
import yaml
from conftest import ROOT
from optuna.trial import TrialState

from latent_atlas.config.project import Project
from latent_atlas.config.searches import Best, Search, with_values
from latent_atlas.errors import InputError
from latent_atlas.files import read_table
from latent_atlas.training.inputs import with_found
from latent_atlas.tuning.results import best_of, search_metrics, trial_frame
from latent_atlas.tuning.search import run_search

STUDY = "config/studies/tuned_autoencoder.yaml"


def search_of(trials):
    return Search.model_validate(
        {
            "id": "s",
            "title": "S",
            "reading": "search",
            "base": "b",
            "trials": trials,
            "space": {
                "model.latent": {"kind": "int", "low": 2, "high": 100},
                "training.learning_rate": {"kind": "log", "low": 1e-5, "high": 0.1},
                "model.dropout": {"kind": "float", "low": 0, "high": 1},
                "training.optimiser": {"kind": "choice", "values": ["adam", "sgd"]},
            },
            "published": {},
        }
    )


def objective(name, values, report):
    """A made loss that falls over ten epochs, best at latent 40, rate 1e-3, no dropout, Adam."""
    level = (
        abs(np.log(values["training.learning_rate"] / 1e-3))
        + abs(values["model.latent"] - 40) / 50
        + values["model.dropout"]
        + (values["training.optimiser"] == "sgd")
    )
    for epoch in range(1, 11):
        time.sleep(0.001 * (hash(name) % 3))
        report(epoch, level * (1 + 1 / epoch))


def summary(trials):
    return [(t.state, t.value, t.params, t.intermediate_values) for t in trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    journal = tmp_path_factory.mktemp("whole") / "journal.log"
    return run_search(search_of(21), objective, "minimize", journal, workers=1)


def test_a_search_prunes_and_improves(whole):
    states = [trial.state for trial in whole]
    assert len(whole) == 21
    assert states.count(TrialState.PRUNED) >= 3
    best = best_of(search_of(21), whole, "minimize")
    complete = [t.value for t in whole if t.state == TrialState.COMPLETE]
    assert best.value == min(complete)
    assert whole[best.trial].params == best.values


def test_two_workers_give_the_same_trials(whole, tmp_path):
    trials = run_search(search_of(21), objective, "minimize", tmp_path / "j", workers=2)
    assert summary(trials) == summary(whole)


@pytest.mark.parametrize("ended", [0, 7, 8, 20])
def test_a_stopped_search_goes_on_where_it_stopped(whole, tmp_path, ended):
    """Stopped by an exception in the trial after the first `ended`."""
    runs = []

    def stopping(name, values, report):
        if int(name.rsplit("-", 1)[1]) == ended:
            raise KeyboardInterrupt
        objective(name, values, report)

    with pytest.raises(KeyboardInterrupt):
        run_search(search_of(21), stopping, "minimize", tmp_path / "j", workers=1)

    def counting(name, values, report):
        runs.append(name)
        objective(name, values, report)

    trials = run_search(search_of(21), counting, "minimize", tmp_path / "j", workers=1)
    assert summary(trials) == summary(whole)
    assert len(runs) == 21 - ended


@pytest.mark.parametrize("cut", [1, 30, 400])
def test_what_a_killed_process_leaves_is_mended(whole, tmp_path, cut):
    """Optuna's lock, and a last line cut short by so many bytes."""
    journal = tmp_path / "j"
    run_search(search_of(9), objective, "minimize", journal, workers=1)
    os.truncate(journal, journal.stat().st_size - cut)
    Path(f"{journal}.lock").symlink_to("nowhere")
    trials = run_search(search_of(21), objective, "minimize", journal, workers=1)
    assert summary(trials) == summary(whole)


def test_a_journal_has_one_process_at_a_time(whole, tmp_path):
    """A second search waits for the first, an orphan of a killed Snakemake say, and finds all
    done."""
    runs = []

    def slow(name, values, report):
        runs.append(name)
        time.sleep(0.02)
        objective(name, values, report)

    with ThreadPoolExecutor(2) as pool:
        both = list(
            pool.map(
                lambda _: run_search(search_of(6), slow, "minimize", tmp_path / "j", workers=1),
                range(2),
            )
        )
    assert summary(both[0]) == summary(both[1]) == summary(whole[:6])
    assert len(runs) == 6


def test_more_trials_extend_a_search(whole, tmp_path):
    for trials in (5, 12, 21):
        extended = run_search(search_of(trials), objective, "minimize", tmp_path / "j", workers=2)
        assert summary(extended) == summary(whole[:trials])


def test_a_trial_without_finite_values_is_pruned(tmp_path):
    def diverging(name, values, report):
        report(1, float("nan") if values["training.optimiser"] == "sgd" else 1.0)

    search = search_of(8)
    trials = run_search(search, diverging, "minimize", tmp_path / "j", workers=1)
    frame = trial_frame(search, trials, best_of(search, trials, "minimize"), "loss")
    assert (frame[frame["training.optimiser"] == "sgd"].state == "pruned").all()
    assert frame[frame["training.optimiser"] == "sgd"].value.isna().all()
    with pytest.raises(InputError, match="none of 1 trials finished"):
        best_of(search, [t for t in trials if t.state == TrialState.PRUNED][:1], "minimize")


def test_numbers_about_a_search():
    search = search_of(8)
    distributions = optuna.distributions
    axes = {
        "model.latent": distributions.IntDistribution(2, 100),
        "training.learning_rate": distributions.FloatDistribution(1e-5, 0.1, log=True),
        "model.dropout": distributions.FloatDistribution(0, 1),
        "training.optimiser": distributions.CategoricalDistribution(["adam", "sgd"]),
    }
    best = {
        "model.latent": 2,
        "training.learning_rate": 1e-5,
        "model.dropout": 0.0,
        "training.optimiser": "adam",
    }
    far = {**best, "model.latent": 100, "training.learning_rate": 0.1, "model.dropout": 1.0}
    near = {**best, "model.dropout": 0.3}
    params = [far, far, far, far, best, far, near, near]
    values = [9.0, 9.0, 9.0, 9.0, 2.0, 9.0, 3.0, 5.0]
    trials = [
        optuna.trial.create_trial(value=value, params=p, distributions=axes)
        for value, p in zip(values, params, strict=True)
    ]
    found = search_metrics(search, trials, best_of(search, trials, "minimize"))
    assert found == {
        "search_best_value": 2.0,
        "search_late_ratio": 2.0,
        "search_late_spread": pytest.approx(0.1),
        "search_best_is_adam": 1.0,
    }


def search_error(checkout, **changes):
    path = checkout.folder / STUDY
    study = yaml.safe_load(path.read_text())
    study["searches"]["ae-search"] |= changes
    path.write_text(yaml.safe_dump(study))
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    with pytest.raises(InputError) as caught:
        Project(settings, checkout.folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, ("space", "{}", "at least 1")),
        (
            {"training.learning_rate": {"kind": "log", "low": 0.1, "high": 0.001}},
            ("space.training.learning_rate", "low 0.1 is not below high 0.001", "swap"),
        ),
        (
            {"training.learning_rate": {"kind": "log", "low": "small", "high": 0.1}},
            ("space.training.learning_rate", "low", "'small'", "valid number"),
        ),
        (
            {"training.learning_rate": {"kind": "log", "low": 0, "high": 0.1}},
            ("space.training.learning_rate", "low", "greater than 0"),
        ),
        (
            {"training.learning_rat": {"kind": "log", "low": 0.01, "high": 0.1}},
            ("ae-search.space", "no key 'training.learning_rat'"),
        ),
        (
            {"model.dropout": {"kind": "float", "low": 0, "high": 2}},
            ("ae-search.space", "model", "dropout", "less than or equal to 1"),
        ),
        ({"model.latent": {"kind": "int", "low": 2.5, "high": 9}}, ("model.latent", "2.5")),
        (
            {"training.optimiser": {"kind": "choice", "values": ["adam"]}},
            ("training.optimiser", "at least 2"),
        ),
        ({"model.latent": {"kind": "grid", "low": 2, "high": 9}}, ("model.latent", "'grid'")),
    ],
)
def test_a_space_is_refused_by_key(checkout, space, words):
    message = search_error(checkout, space=space)
    for word in (STUDY, "searches.ae-search", *words):
        assert word in message


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("cl", ("ae-search.base", "cl holds no images out", "train_on_all")),
        ("ae-here", ("ae-search.base", "tuned by this very search")),
        ("vae-cod", ("ae-search.base", "unknown 'vae-cod'", "did you mean 'vae-coded'")),
    ],
)
def test_a_base_is_refused_by_key(checkout, base, words):
    message = search_error(checkout, base=base)
    for word in words:
        assert word in message


def test_the_tuned_file(published, tmp_path):
    """best.json: its schema, and that training takes its values and nothing else."""
    run = published.experiments["ae-here"].model_dump()
    values = {"model.latent": 7, "training.learning_rate": 0.5, "training.optimiser": "sgd"}
    best = Best(search="ae-search", trial=3, value=0.01, values=values)
    path = tmp_path / "best.json"
    path.write_text(best.model_dump_json())
    tuned = with_found(run, str(path))
    assert tuned == with_values(run, values)
    assert tuned["model"]["latent"] == 7
    assert with_found(run, None) == run
    for damage in (
        {"values": None},
        {"trial": -1},
        {"values": {"model.width": 3}},
        {"extra": 1},
    ):
        path.write_text(json.dumps(best.model_dump() | damage))
        with pytest.raises(InputError, match=r"best\.json: not what a search of ae-here finds"):
            with_found(run, str(path))
    path.write_text("{")
    with pytest.raises(InputError, match="delete it and run again"):
        with_found(run, str(path))


def test_what_a_run_needs_must_run_too(checkout):
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for only, words in (
        (["ae-here"], ("key only", "ae-here needs ae-search")),
        (["cl"], ("key only", "cl needs ae-tuned")),
        (["ea-tuned"], ("key only", "unknown 'ea-tuned'", "did you mean 'ae-tuned'")),
    ):
        with pytest.raises(InputError) as caught:
            Project(settings | {"scale": "published", "only": only}, ROOT)
        for word in words:
            assert word in str(caught.value)
    project = Project(settings | {"only": ["cl", "ae-tuned"]}, ROOT)
    assert set(project.runs) == {"cl", "ae-tuned"}


TRIALS = "results/searches/ae-search/trials.parquet"


@pytest.mark.slow
def test_a_killed_search_ends_as_one_that_was_never_killed(checkout, tmp_path_factory):
    """Snakemake and its job are killed by SIGKILL once trial 7 has ended; the other search runs on
    one core instead of two."""
    checkout.make_tiny()
    checkout.edit(
        STUDY,
        small={"trials": 14, "epochs_factor": 0.5, "train": 200, "experiments": ["ae-search"]},
    )
    settings = ("--config", "only=[ae-search]")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", TRIALS, *settings]
    environment = os.environ | {"PYTHONPATH": str(checkout.folder / "workflow")}
    run = subprocess.Popen(
        command,
        cwd=checkout.folder,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = checkout.folder / "results/searches/ae-search"
    deadline = time.monotonic() + 300
    ended = 0
    while ended < 8:
        assert run.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
        lines = [text for path in journal.glob("journal-*.log") for text in path.open()]
        ended = sum('"op_code":4' in line for line in lines)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (checkout.folder / TRIALS).exists()
    assert checkout.snakemake("--unlock", *settings).returncode == 0
    resumed = checkout.snakemake(TRIALS, *settings)
    assert resumed.returncode == 0, resumed.stderr
    killed = read_table(checkout.folder / TRIALS)
    (path,) = journal.glob("journal-*.log")
    path.unlink()
    (checkout.folder / TRIALS).unlink()
    again = checkout.snakemake(TRIALS, "--cores", "1", *settings)
    assert again.returncode == 0, again.stderr
    unbroken = read_table(checkout.folder / TRIALS)
    assert killed.to_json() == unbroken.to_json()
    assert len(killed) == 14
    assert (killed.state == "pruned").any()


@pytest.mark.parametrize("workers", [1, 2])
def test_trials_take_the_smallest_numbers_for_zero(tmp_path, workers):
    """Weights that decay below 1e-38 would slow a trial tenfold."""
    found = []

    def trial(name, values, report):
        found.append((torch.tensor([1e-38]) * 0.1).item())
        report(1, 1.0)

    run_search(search_of(4), trial, "minimize", tmp_path / "j", workers=workers)
    assert found == [0.0] * 4
