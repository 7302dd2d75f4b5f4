"""Optuna's search, made to give the same trials on any number of cores and after any interruption.

Trials are asked in batches of two. For each batch the study is built anew from the trials of the
batches before, with a sampler seeded by the batch's number, so nothing depends on what a killed
process held in memory; the pruner sees the batches before and no more. The journal takes a trial
when it has ended, in the order asked; a trial under way when the process is killed runs again. One
process at a time holds a journal, by a lock that ends with it.
"""

import logging
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from latent_atlas.config.searches import Search
from latent_atlas.processor import prepare_torch
from latent_atlas.streams import stream_seed

BATCH = 2

Objective = Callable[..., None]


def run_search(
    search: Search, objective: Objective, direction: str, journal: Path, workers: int
) -> list[FrozenTrial]:
    """All trials in the order asked, from the journal where they have ended before.

    `objective(name, values, report)` trains and calls `report(epoch, value)` after every epoch,
    which raises where the trial is to be pruned; the last value is the trial's. At most two
    `workers`, of one torch thread each.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    with (
        FileLock(f"{journal}.held"),
        ThreadPoolExecutor(min(workers, BATCH), initializer=prepare_torch, initargs=(1,)) as pool,
    ):
        stored = open_journal(journal, direction)
        while (ended := len(stored.trials)) < search.trials:
            first = ended - ended % BATCH
            asked = ask_batch(search, stored.trials[:first], direction)
            pending = asked[ended - first : search.trials - first]
            outcomes = pool.map(lambda trial: run_trial(search, trial, objective), pending)
            for outcome in outcomes:
                stored.add_trial(outcome)
                logging.info(
                    "%s: trial %d %s at %s after %d epochs: %s",
                    search.id,
                    len(stored.trials) - 1,
                    outcome.state.name.lower(),
                    outcome.value,
                    len(outcome.intermediate_values),
                    outcome.params,
                )
        return stored.trials[: search.trials]


def open_journal(path: Path, direction: str) -> optuna.Study:
    """The journal's study, after what a killed process may have left: Optuna's own lock, for which
    it would wait, and a line cut short, to which it would append."""
    Path(f"{path}.lock").unlink(missing_ok=True)
    if path.exists():
        whole = path.read_bytes()
        os.truncate(path, whole.rfind(b"\n") + 1)
    storage = JournalStorage(JournalFileBackend(str(path.resolve())))
    return optuna.create_study(
        storage=storage, study_name="search", direction=direction, load_if_exists=True
    )


def ask_batch(search: Search, before: list[FrozenTrial], direction: str) -> list[Trial]:
    """Two trials that depend on the trials `before` and on nothing else."""
    seed = stream_seed(search.id, len(before) // BATCH, "sampler") % 2**32
    study = optuna.create_study(
        direction=direction,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.add_trials(before)
    asked = [study.ask() for _ in range(BATCH)]
    for trial in asked:
        for key, axis in search.space.items():
            suggest(trial, key, axis)
    return asked


def suggest(trial: Trial, key: str, axis) -> None:
    if axis.kind == "int":
        trial.suggest_int(key, axis.low, axis.high)
    elif axis.kind == "choice":
        trial.suggest_categorical(key, axis.values)
    else:
        trial.suggest_float(key, axis.low, axis.high, log=axis.kind == "log")


def run_trial(search: Search, trial: Trial, objective: Objective) -> FrozenTrial:
    """The trial as it ended: complete, or pruned, as one is that gives no finite value."""
    reported: dict[int, float] = {}

    def report(epoch: int, value: float) -> None:
        reported[epoch] = value
        trial.report(value, epoch)
        if not math.isfinite(value) or trial.should_prune():
            raise optuna.TrialPruned

    try:
        objective(f"{search.id}-{trial.number}", trial.params, report)
        state = TrialState.COMPLETE
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    finite = [value for value in reported.values() if math.isfinite(value)]
    return optuna.trial.create_trial(
        state=state,
        value=finite[-1] if finite else None,
        params=trial.params,
        distributions=trial.distributions,
        intermediate_values=reported,
    )
