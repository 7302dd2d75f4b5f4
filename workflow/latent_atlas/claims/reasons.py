"""A complete table: every model and measurement of the battery, a value or why there is none."""

import pandas as pd

from latent_atlas.config.battery import BATTERY, why_not
from latent_atlas.config.metrics import unit_of
from latent_atlas.config.project import Project

DIVERGED = "its training diverged: costs.parquet tells when"


def with_reasons(metrics: pd.DataFrame, project: Project, otherwise: str = "") -> pd.DataFrame:
    """`metrics` with a column `reason`, empty where there is a value, and a row without a value
    for each measurement that an experiment in it cannot have, or a seed of it has not because it
    diverged. Where one is missing for no such reason, the reason is `otherwise`; without it,
    ValueError."""
    measured = set(zip(metrics.experiment, metrics.metric, metrics.split, strict=True))
    rows = []
    for name, experiment in project.experiments.items():
        for metric, split in BATTERY.items():
            if (name, metric, split) in measured:
                continue
            reason = why_not(metric, experiment) or otherwise
            if not reason:
                raise ValueError(f"{name}: {metric} of {split} was not measured, for no reason")
            rows += [
                {
                    "experiment": name,
                    "seed": seed,
                    "dataset": experiment.dataset,
                    "split": split,
                    "metric": metric,
                    "unit": unit_of(metric),
                    "reason": reason,
                }
                for seed in project.seeds_of(name)
            ]
    dead = _diverged(metrics, project).assign(reason=otherwise or DIVERGED)
    whole = pd.concat([metrics.assign(reason=""), pd.DataFrame(rows), dead], ignore_index=True)
    return whole.astype({"seed": metrics.seed.dtype})


def _diverged(metrics: pd.DataFrame, project: Project) -> pd.DataFrame:
    """The rows, but for the value, that a run's seeds would have that it was asked for and has
    not."""
    parts = [pd.DataFrame()]
    for name in (*project.experiments, *project.classifiers):
        rows = metrics[metrics.experiment == name]
        one = rows.drop(columns="value").drop_duplicates(["metric", "split"])
        lost = sorted(set(project.seeds_of(name)) - set(rows.seed)) if len(rows) else []
        parts += [one.assign(seed=seed) for seed in lost]
    return pd.concat(parts)


def measured_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a value. What was recorded before there were reasons holds no others."""
    return metrics[metrics.reason == ""] if "reason" in metrics else metrics


def diverged_seeds(metrics: pd.DataFrame) -> dict[str, list[int]]:
    """Run → seeds, of those that have any."""
    if "reason" not in metrics:
        return {}
    rows = metrics[metrics.reason == DIVERGED]
    return rows.groupby("experiment").seed.unique().map(sorted).to_dict()
