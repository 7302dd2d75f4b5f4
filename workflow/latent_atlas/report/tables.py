"""Metrics and verdicts → what the page's tables show."""

import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from latent_atlas.claims.reasons import measured_rows
from latent_atlas.claims.verdicts import (
    BETTER,
    INCONCLUSIVE,
    NOT_ATTEMPTED,
    NOT_REPRODUCED,
    REPRODUCED,
    VERDICTS,
)
from latent_atlas.config.corruptions import CLEAN
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.metrics import metric_parts
from latent_atlas.config.project import Project
from latent_atlas.config.studies import StudyConfig

DEPENDS = "depends on the reading"
OUTCOMES = (*VERDICTS[:2], DEPENDS, *VERDICTS[2:])
VECTOR_KINDS = ("curves", "overlay", "batches", "severity", "sweep", "search", "numbers", "rate")
SPOILT = (CLEAN, "noise-0.3", "noise-1", "unclipped-1", "flips-0.1", "square-0.2", "bar-0.2")


def picture(sidecar: Path, described: dict) -> Path:
    """The file that shows a figure best: lines as SVG, images as PNG."""
    vector = described["figure"]["kind"] in VECTOR_KINDS
    return sidecar.with_suffix(".svg" if vector else ".png")


def number(value: float | None) -> str:
    """Four significant digits, from 10,000 on a whole number; an em dash for what is missing."""
    if value is None or value is pd.NA or not math.isfinite(value):
        return "—"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e9 else f"{value:.4g}"


def interval(row: dict) -> str:
    if not math.isfinite(row["low"]):
        return "—"
    return f"{number(row['low'])} … {number(row['high'])}"


def epochs(count: float | None) -> str:
    """', 9 epochs'; nothing for what has none."""
    return "" if count is None or pd.isna(count) else f", {count:.0f} epochs"


def outcome(verdicts: Iterable[str]) -> str:
    """What the rows of one claim come to: that it holds under some reading, fails under some
    other, or what all rows that were judged agree on."""
    found = set(verdicts)
    holds = [verdict for verdict in (REPRODUCED, BETTER) if verdict in found]
    if holds and NOT_REPRODUCED in found:
        return DEPENDS
    undecided = [INCONCLUSIVE] if INCONCLUSIVE in found else []
    return next(v for v in (*holds, *undecided, *VERDICTS) if v in found)


def counts(claims: pd.DataFrame) -> list[tuple[str, int]]:
    """Claims by outcome, readings not counted twice."""
    found = claims.groupby("claim").verdict.agg(outcome).value_counts()
    return [(name, int(found[name])) for name in OUTCOMES if name in found]


def with_rows(claims: pd.DataFrame, scope: str) -> pd.DataFrame:
    """Every judged row, and one for all that was not attempted of a claim, in the claims' order,
    with an anchor `row`: scope, claim and a number."""
    skipped = claims.verdict == NOT_ATTEMPTED
    first = dict.fromkeys(claims.columns.drop("claim"), "first")
    joined = dict.fromkeys(("experiment", "metric", "split", "reading"), _joined)
    left = claims[skipped].groupby("claim", sort=False).agg(first | joined).reset_index()
    rows = pd.concat([claims[~skipped], left], ignore_index=True)
    order = {claim: place for place, claim in enumerate(claims.claim.unique())}
    rows = rows.sort_values("claim", key=lambda names: names.map(order), kind="stable")
    place = rows.groupby("claim").cumcount()
    return rows.assign(row=scope + "-" + rows.claim + "-" + place.astype(str))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(name for name in names if name))


def number_matrix(claims: pd.DataFrame) -> dict[str, dict[str, list[dict]]]:
    """Claim → reading → the rows of a published number that were measured."""
    measured = claims[(claims.kind == "number") & claims["mean"].notna()]
    return {
        claim: {
            reading: of_reading.to_dict("records")
            for reading, of_reading in rows.groupby("reading", sort=False)
        }
        for claim, rows in measured.groupby("claim", sort=False)
    }


def models(project: Project, metrics: pd.DataFrame) -> list[dict]:
    """Every experiment with its measurements, and metric → why there is no value."""
    values = comparison(measured_rows(metrics))
    reasons: dict[str, dict[str, str]] = defaultdict(dict)
    if "reason" in metrics:
        for row in metrics[metrics.reason != ""].itertuples():
            reasons[row.experiment][row.metric] = row.reason
    datasets = metrics.groupby("experiment").dataset.first()
    return [
        {
            "name": name,
            "family": project.declared[name].model.family,
            "dataset": datasets[name],
            "values": values[name],
            "reasons": reasons[name],
        }
        for name in metrics.experiment.unique()
        if isinstance(project.declared.get(name), Experiment)
    ]


def comparison(metrics: pd.DataFrame) -> dict[str, dict[tuple[str, str], tuple[float, float]]]:
    """Experiment → (metric, split) → mean and half-width of the 95 % interval over seeds."""
    plain = metrics[metrics.metric.map(lambda name: metric_parts(name)[1] is None).astype(bool)]
    summary = plain.groupby(["experiment", "metric", "split"]).value.agg(["mean", "std", "count"])
    error = summary["std"] / np.sqrt(summary["count"])
    summary["half"] = stats.t.ppf(0.975, (summary["count"] - 1).clip(lower=1)) * error
    table: dict[str, dict] = defaultdict(dict)
    for (experiment, metric, split), row in summary.iterrows():
        table[experiment][metric, split] = (row["mean"], row["half"])
    return table


def rates(study: StudyConfig, of_models: list[dict]) -> list[dict]:
    """Models of the study's figures of rate and distortion that have been measured."""
    wanted = {
        name for figure in study.figures if figure.kind == "rate" for name in figure.experiments
    }
    return [model for model in of_models if model["name"] in wanted]


def spoilt(metrics: pd.DataFrame) -> dict[str, dict[str, tuple[float, float]]]:
    """Experiment → corruption → MSE to the clean image and share taken for its class, means over
    seeds, of every experiment that encodes."""
    mean = metrics.groupby(["experiment", "metric"]).value.mean()
    encoding = mean[mean.index.get_level_values("metric") == f"corrupted_mse/{CLEAN}"]
    return {
        experiment: {
            name: tuple(
                mean[experiment, f"corrupted_{what}/{name}"] for what in ("mse", "agreement")
            )
            for name in SPOILT
        }
        for experiment, _ in encoding.index
    }


def search_tables(study: StudyConfig, trials: pd.DataFrame) -> list[dict]:
    """For each search that has run: the report's values beside those of the best trial here."""
    tables = []
    for name, declared in study.searches.items():
        rows = trials[trials.experiment == name]
        if not len(rows):
            continue
        best = rows[rows.best].iloc[0]
        tables.append(
            {
                "id": name,
                "title": declared["title"],
                "measures": best.measures,
                "value": best.value,
                "trial": int(best.trial) + 1,
                "trials": len(rows),
                "pruned": int((rows.state == "pruned").sum()),
                "values": [
                    (key, declared["published"].get(key, "—"), best[key])
                    for key in declared["space"]
                ],
            }
        )
    return tables
