"""A search's trials as a table, as the values to train with, and as metrics."""

import numpy as np
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from latent_atlas.config.metrics import unit_of
from latent_atlas.config.searches import Best, Search
from latent_atlas.errors import InputError
from latent_atlas.tuning.search import BATCH

LATE_SHARE = 0.25


def trial_frame(
    search: Search, trials: list[FrozenTrial], best: Best, measures: str
) -> pd.DataFrame:
    """One row a trial: its state, its last value and what that measures, the values of all epochs,
    the values tried."""
    return pd.DataFrame(
        [
            {
                "search": search.id,
                "trial": number,
                "batch": number // BATCH,
                "state": trial.state.name.lower(),
                "value": trial.value,
                "measures": measures,
                "best": number == best.trial,
                "epochs": len(trial.intermediate_values),
                "by_epoch": list(trial.intermediate_values.values()),
                **{key: trial.params[key] for key in search.space},
            }
            for number, trial in enumerate(trials)
        ]
    )


def best_of(search: Search, trials: list[FrozenTrial], direction: str) -> Best:
    """The best of the trials that were not pruned; the first of equals."""
    sign = 1 if direction == "minimize" else -1
    complete = [n for n, trial in enumerate(trials) if trial.state == TrialState.COMPLETE]
    if not complete:
        raise InputError(
            f"search {search.id}: none of {len(trials)} trials finished; narrow its space or give "
            "it more trials"
        )
    number = min(complete, key=lambda n: sign * trials[n].value)
    best = trials[number]
    return Best(search=search.id, trial=number, value=best.value, values=best.params)


def search_metrics(search: Search, trials: list[FrozenTrial], best: Best) -> dict[str, float]:
    """Numbers about the search as a whole; late trials are its last quarter."""
    late = trials[-max(1, round(LATE_SHARE * len(trials))) :]
    values = [t.value for t in late if t.state == TrialState.COMPLETE]
    metrics = {"search_best_value": best.value}
    ratio = np.median(values) / best.value if values else np.nan
    metrics["search_late_ratio"] = float(max(ratio, 1 / ratio))
    early = trials[: len(trials) // 2]
    away = [
        np.mean([_distance(search, trial.params, best.values) for trial in some])
        for some in (late, early)
    ]
    metrics["search_late_spread"] = float(away[0] / away[1])
    optimisers = [value for key, value in best.values.items() if key.endswith(".optimiser")]
    if optimisers:
        metrics["search_best_is_adam"] = float(optimisers[0] == "adam")
    return metrics


def _distance(search: Search, values: dict, best: dict) -> float:
    """Mean over numeric axes of the distance between two points, the axis's length being 1."""
    parts = []
    for key, axis in search.space.items():
        if axis.kind == "choice":
            continue
        scale = np.log if axis.kind == "log" else float
        length = scale(axis.high) - scale(axis.low)
        parts.append(abs(scale(values[key]) - scale(best[key])) / length)
    return float(np.mean(parts))


def metric_frame(
    search: Search, metrics: dict[str, float], dataset: str, seed: int
) -> pd.DataFrame:
    """Tidy rows as an experiment's; a search counts as one seed."""
    return pd.DataFrame(
        [
            {
                "experiment": search.id,
                "seed": seed,
                "dataset": dataset,
                "split": "validation",
                "metric": metric,
                "value": value,
                "unit": unit_of(metric),
            }
            for metric, value in metrics.items()
        ]
    )
