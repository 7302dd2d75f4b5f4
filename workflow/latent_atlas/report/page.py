"""The tables and figures of a run → one self-contained page."""

import base64
import json
import math
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from scipy import stats

from latent_atlas.claims.reasons import measured_rows
from latent_atlas.claims.verdicts import (
    INCONCLUSIVE,
    NOT_ATTEMPTED,
    NOT_REPRODUCED,
    REPRODUCED,
    VERDICTS,
)
from latent_atlas.config.battery import BATTERY
from latent_atlas.config.corruptions import CLEAN
from latent_atlas.config.experiments import Reading
from latent_atlas.config.metrics import METRICS, metric_parts
from latent_atlas.config.project import Project
from latent_atlas.config.studies import StudyConfig
from latent_atlas.files import atomic, read_table

NO_TRIALS = pd.DataFrame({"search": []})
HEADLINE_METRICS = (
    ("reconstruction_mse", "train"),
    ("reconstruction_mse", "test"),
    ("control_mean_image_mse", "test"),
    ("control_pca_mse", "test"),
    ("frobenius_per_number", "train"),
    ("frobenius_per_number", "test"),
    ("total_loss", "train"),
    ("total_loss", "test"),
    ("kl_nats", "test"),
    ("active_units", "test"),
    ("beta_effective", "train"),
    ("accuracy_percent", "test"),
    ("knn_accuracy", "test"),
    ("silhouette", "test"),
    ("random_diversity", "test"),
    ("random_coverage", "test"),
    ("random_frechet", "test"),
    ("real_frechet", "test"),
    ("random_feature_coverage", "test"),
    ("mixture_feature_coverage", "test"),
    ("slerp_roughness", "test"),
)
SPOILT = (CLEAN, "noise-0.3", "noise-1", "unclipped-1", "flips-0.1", "square-0.2", "bar-0.2")


def write_page(project: Project, inputs, template: str, recorded: list[str], output: str) -> None:
    """`inputs` names the run's tables, figures and sidecars; `recorded` lists the tracked tables
    of finished published-scale runs."""
    claims, everything = read_table(inputs.claims), read_table(inputs.metrics)
    metrics = measured_rows(everything)
    environment = Environment(
        loader=FileSystemLoader(Path(template).parent),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, interval=interval, slug=slug, epochs=epochs, readings=readings
    )
    trials = pd.concat([read_table(path) for path in inputs.searches] or [NO_TRIALS])
    trials = trials.rename(columns={"search": "experiment"})
    pairs = zip(inputs.figures, inputs.sidecars, strict=True)
    figures = [_figure(png, sidecar) for png, sidecar in pairs]
    page = environment.get_template(Path(template).name).render(
        project=project,
        studies=[
            {
                "config": study,
                "claims": claim_groups(claims[claims.study == name]),
                "counts": counts(claims[claims.study == name]),
                "findings": findings(claims[claims.study == name]),
                "matrix": number_matrix(claims[claims.study == name]),
                "comparison": comparison(metrics, project.study_runs(name)),
                "figures": [figure for figure in figures if figure["study"] == name],
                "searches": search_tables(study, trials),
            }
            for name, study in project.studies.items()
        ],
        metric_meanings=METRICS,
        runs=project.runs,
        headline=HEADLINE_METRICS,
        spoilt_names=SPOILT,
        spoilt=spoilt(metrics),
        battery=BATTERY,
        measured=comparison(metrics, list(project.experiments)),
        reasons=reasons(everything),
        costs=read_table(inputs.costs).to_dict("records"),
        provenance=read_table(inputs.provenance).to_dict("records"),
        recorded=_recorded_runs(project, recorded),
    )
    with atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def number(value: float | None) -> str:
    """Four significant digits; an em dash for what is missing."""
    if value is None or value is pd.NA or not math.isfinite(value):
        return "—"
    return f"{value:.4g}"


def interval(row: dict) -> str:
    if not math.isfinite(row["low"]):
        return "—"
    return f"{number(row['low'])} … {number(row['high'])}"


def epochs(count: float | None) -> str:
    """', 9 epochs'; nothing for what has none."""
    return "" if count is None or pd.isna(count) else f", {count:.0f} epochs"


def readings(matrix: list[dict]) -> list[str]:
    """Readings under which a number was measured, in the order of the configuration."""
    found = {reading for line in matrix for reading in line["readings"]}
    return [reading for reading in get_args(Reading) if reading in found]


def slug(text: str) -> str:
    return text.replace(" ", "-")


def counts(claims: pd.DataFrame) -> list[tuple[str, int]]:
    found = claims.verdict.value_counts()
    return [(verdict, int(found[verdict])) for verdict in VERDICTS if verdict in found]


def claim_groups(claims: pd.DataFrame) -> list[dict]:
    """Claims in the study's order, each with its rows."""
    groups = []
    for claim, rows in claims.groupby("claim", sort=False):
        first = rows.iloc[0]
        groups.append(
            {
                "id": claim,
                "number": first.number,
                "source": first.source,
                "text": first.text,
                "published": first.published,
                "rows": rows[rows.verdict != NOT_ATTEMPTED].to_dict("records"),
                "skipped": rows[rows.verdict == NOT_ATTEMPTED].to_dict("records"),
            }
        )
    return groups


def number_matrix(claims: pd.DataFrame) -> list[dict]:
    """Each published number with its judged rows by reading."""
    matrix = []
    measured = claims[(claims.kind == "number") & claims["mean"].notna()]
    for claim, rows in measured.groupby("claim", sort=False):
        readings = {
            reading: of_reading.to_dict("records")
            for reading, of_reading in rows.groupby("reading", sort=False)
        }
        first = rows.iloc[0]
        matrix.append({"id": claim, "published": first.published, "readings": readings})
    return matrix


def findings(claims: pd.DataFrame) -> list[str]:
    """Sentences made from the verdicts: units, what each published number came to, and the
    orderings and thresholds on which all rows agree."""
    sentences = []
    for row in claims[claims.kind == "unit"].itertuples():
        sentences.append(f"Unit: that {row.text}: {row.verdict} ({row.reason}).")
    judged = claims[(claims.kind == "number") & claims.low.notna()]
    for _, rows in judged.groupby("claim", sort=False):
        sentences.append(_number_finding(rows))
    attempted = claims[~claims.kind.isin(["unit", "number"]) & (claims.verdict != NOT_ATTEMPTED)]
    for _, rows in attempted.groupby("claim", sort=False):
        if set(rows.verdict) in ({REPRODUCED}, {NOT_REPRODUCED}):
            where = f"all {len(rows)} rows" if len(rows) > 1 else "its only row,"
            data = ", ".join(sorted(set(rows.dataset)))
            first = rows.iloc[0]
            sentences.append(f"{first.verdict.capitalize()} in {where} on {data}: {first.text}.")
    return sentences


def _number_finding(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    found = rows[rows.verdict == REPRODUCED]
    if len(found):
        return f"Reproduced: {first.text} ({'; '.join(map(_where, found.itertuples()))})."
    nearest = rows.loc[(np.log(rows["mean"] / float(first.published))).abs().idxmin()]
    found = "Inconclusive" if INCONCLUSIVE in set(rows.verdict) else "Under no reading"
    value, where = number(nearest["mean"]), _where(nearest)
    return f"{found}: {first.text}; the nearest is {value} ({where})."


def _where(row) -> str:
    return f"{row.reading}: {row.experiment}{epochs(row.epochs)}, {row.metric}"


def comparison(metrics: pd.DataFrame, experiments: list[str]) -> dict[str, dict]:
    """(experiment, metric, split) → mean and half-width of the 95 % interval over seeds."""
    plain = metrics[[metric_parts(name)[1] is None for name in metrics.metric]]
    summary = plain.groupby(["experiment", "metric", "split"]).value.agg(["mean", "std", "count"])
    error = summary["std"] / np.sqrt(summary["count"])
    summary["half"] = stats.t.ppf(0.975, (summary["count"] - 1).clip(lower=1)) * error
    table: dict[str, dict] = {name: {} for name in experiments}
    for (experiment, metric, split), row in summary.iterrows():
        if experiment in table:
            table[experiment][metric, split] = (row["mean"], row["half"])
    return table


def reasons(metrics: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(experiment, metric) → why there is no value."""
    without = metrics[metrics.reason != ""]
    return without.set_index(["experiment", "metric"]).reason.to_dict()


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


def _figure(png: str, sidecar: str) -> dict:
    described = json.loads(Path(sidecar).read_text(encoding="utf-8"))
    encoded = base64.b64encode(Path(png).read_bytes()).decode()
    return described | {"data": f"data:image/png;base64,{encoded}"}


def _recorded_runs(project: Project, recorded: list[str]) -> list[dict]:
    runs = []
    for folder in sorted({Path(path).parent for path in recorded}):
        if folder.name not in project.studies:
            continue
        claims, facts = (read_table(folder / f"{t}.parquet") for t in ("claims", "provenance"))
        trials = folder / "trials.parquet"
        study = project.studies[folder.name]
        runs.append(
            {
                "study": study,
                "commits": [
                    dict(zip(of_commit.key, of_commit.value, strict=True))
                    for _, of_commit in facts.groupby("commit", sort=False)
                ],
                "claims": claim_groups(claims),
                "counts": counts(claims),
                "findings": findings(claims),
                "matrix": number_matrix(claims),
                "searches": search_tables(study, read_table(trials)) if trials.exists() else [],
            }
        )
    return runs
