"""A study's claims against the metrics table: one row for each claim and way of measuring it."""

import math
from collections.abc import Collection
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from latent_atlas.claims.reasons import diverged_seeds, measured_rows
from latent_atlas.claims.verdicts import (
    CALIBRATED,
    NOT_ATTEMPTED,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    REPRODUCED,
    Judgement,
    calibrate,
    half_width,
    judge_number,
    judge_sign,
    survive_holm,
)
from latent_atlas.config.corruptions import CLEAN, CORRUPTIONS
from latent_atlas.config.metrics import UNCLASSED, metric_parts
from latent_atlas.config.project import Project
from latent_atlas.config.studies import Measured
from latent_atlas.files import sha256_json

SCHEMA = {
    "study": "str",
    "claim": "str",
    "number": "int64",
    "source": "str",
    "text": "str",
    "kind": "str",
    "reading": "str",
    "experiment": "str",
    "epochs": "Int64",
    "metric": "str",
    "against": "str",
    "split": "str",
    "dataset": "str",
    "note": "str",
    "published": "str",
    "tolerance": "float64",
    "seeds": "int64",
    "mean": "float64",
    "sd": "float64",
    "low": "float64",
    "high": "float64",
    "p_value": "float64",
    "effect_size": "float64",
    "survives_holm": "bool",
    "verdict": "str",
    "reason": "str",
    "seeds_needed": "Int64",
    "rule_hash": "str",
}


def judge_studies(project: Project, metrics: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Every claim of every study, by `SCHEMA`."""
    frames = [Judge(project, study, metrics, costs).frame() for study in project.studies]
    return pd.concat(frames, ignore_index=True)


class Judge:
    """Judges one study. `metrics` is the tidy table of all runs; `costs` that of trainings, which
    gives `train_seconds`."""

    def __init__(self, project: Project, study: str, metrics: pd.DataFrame, costs: pd.DataFrame):
        self.project, self.study = project, project.studies[study]
        self.diverged = diverged_seeds(metrics)
        rows = pd.concat([measured_rows(metrics), _seconds(costs, project.sweeps)])
        self.values = rows.set_index(["experiment", "metric", "split", "seed"])["value"]
        self.values = self.values.sort_index()
        self.measured = set(self.values.index.droplevel("seed"))

    def frame(self) -> pd.DataFrame:
        rows = [
            row for claim in self.study.claims for row in getattr(self, f"_{claim.kind}")(claim)
        ]
        frame = pd.DataFrame(rows)
        level = 1 - self.study.confidence
        frame["survives_holm"] = survive_holm(frame["p_value"].to_numpy(), level)
        return frame[list(SCHEMA)].astype(SCHEMA)

    def _number(self, claim):
        rule = self.study.tolerances[claim.tolerance]
        tolerance = half_width(claim.published, rule.relative, rule.absolute)
        published, confidence = float(claim.published), self.study.confidence
        for variants, measured in _combinations(claim):
            values = self._values(measured)
            judgement = self._missing(measured) or self._off_scale(measured.experiment, values)
            if judgement is None and claim.not_comparable:
                judgement = _shown(values, claim.not_comparable)
            if judgement is None:
                judgement = judge_number(
                    values.to_numpy(), published, tolerance, claim.better, confidence
                )
                if variants.calibrated:
                    reason = "the published value was used to choose a setting"
                    judgement = replace(judgement, verdict=CALIBRATED, reason=reason)
            yield self._row(claim, judgement, measured, variants.note, values, "", tolerance)

    def _ordering(self, claim):
        for pair in claim.variants:
            judgement = self._missing(pair.lower) or self._missing(pair.higher)
            times = "" if claim.factor == 1 else f"{claim.factor:g} × "
            higher, lower = self._values(pair.higher).align(self._values(pair.lower), "inner")
            difference = higher - claim.factor * lower
            if judgement is None:
                judgement = judge_sign(
                    difference.to_numpy(), self.study.confidence, f"higher − {times}lower"
                )
            against = f"{times}{pair.lower.experiment} {pair.lower.metric}"
            yield self._row(claim, judgement, pair.higher, pair.note, difference, against)

    def _threshold(self, claim):
        sign = 1 if claim.side == "above" else -1
        against = f"{'>' if sign > 0 else '<'} {claim.threshold:g}"
        for variants, measured in _combinations(claim):
            values = self._values(measured)
            judgement = self._missing(measured)
            if judgement is None:
                beyond = sign * (values.to_numpy() - claim.threshold)
                judgement = judge_sign(
                    beyond, self.study.confidence, f"{claim.side} {claim.threshold:g}"
                )
                judgement = _of_the_metric(judgement, sign, claim.threshold)
            yield self._row(claim, judgement, measured, variants.note, values, against)

    def _unit(self, claim):
        judgement = None
        distance: dict[str, list[pd.Series]] = {"claimed": [], "rival": []}
        ratios = []
        for name in distance:
            for split, printed in claim.published.items():
                measured = getattr(claim, name).model_copy(update={"split": split})
                values, missing = self._values(measured), self._missing(measured)
                judgement = judgement or missing or self._off_scale(measured.experiment, values)
                distance[name].append(np.log(float(printed) / values).abs())
                ratios.append(f"{float(printed) / values.mean():.3g} ({measured.metric}, {split})")
        nearer = sum(distance["rival"]) - sum(distance["claimed"])
        nearer = nearer / len(claim.published)
        if judgement is None:
            judgement = judge_sign(nearer.to_numpy(), self.study.confidence, "nearer unit")
            nearer_unit = {REPRODUCED: "claimed", NOT_REPRODUCED: "rival"}.get(judgement.verdict)
            found = f"the {nearer_unit} unit is the nearer one" if nearer_unit else "undecided"
            reason = f"{found}; published over measured: {', '.join(ratios)}"
            judgement = replace(judgement, reason=reason)
        against = f"{claim.rival.experiment} {claim.rival.metric}"
        yield self._row(claim, judgement, claim.claimed, "|log ratio|", nearer, against)

    def _severity(self, claim):
        """How badly images must be spoilt for the published error."""
        for name in claim.experiments:
            for kind in claim.corruptions:
                errors = self._errors_by_severity(name, kind)
                values = errors.apply(first_reached, axis=1, level=float(claim.published))
                values = values.astype(float) if len(errors) else pd.Series(dtype=float)
                clean = Measured(experiment=name, metric=f"corrupted_mse/{CLEAN}")
                judgement = self._missing(clean) or self._off_scale(name, values)
                if judgement is None:
                    reason = "straight lines between the severities measured"
                    judgement = calibrate(values.to_numpy(), self.study.confidence, reason)
                measured = Measured(experiment=name, metric=f"severity/{kind}")
                against = f"corrupted_mse = {claim.published}"
                yield self._row(claim, judgement, measured, "", values, against)

    def _unattempted(self, claim):
        judgement = Judgement(NOT_ATTEMPTED, claim.reason)
        yield self._row(claim, judgement, None, "", pd.Series(dtype=float), "")

    def _errors_by_severity(self, name: str, kind: str) -> pd.DataFrame:
        """`corrupted_mse` by seed and by severity, of which clean images have none."""
        columns = {
            severity: self._values(Measured(experiment=name, metric=f"corrupted_mse/{of}"))
            for of, severity in [(CLEAN, 0.0)]
            + [(n, severity) for n, (k, severity) in CORRUPTIONS.items() if k == kind]
        }
        return pd.DataFrame(columns).dropna()

    def _values(self, measured: Measured) -> pd.Series:
        """One value a seed; empty where nothing was measured."""
        key = (measured.experiment, measured.metric, measured.split)
        if key not in self.measured:
            return pd.Series(dtype=float, index=pd.Index([], name="seed"))
        return self.values.loc[key]

    def _missing(self, measured: Measured) -> Judgement | None:
        name = measured.experiment
        if name not in self.project.runs:
            return Judgement(NOT_ATTEMPTED, f"{name} is not run {self.project.left_out}")
        metric, label = metric_parts(measured.metric)
        dataset = self.project.dataset_of(name)
        for part in label.split("+") if label and metric not in UNCLASSED else ():
            if part not in self.project.datasets[dataset].classes:
                return Judgement(NOT_COMPARABLE, f"{dataset} has no class {part}")
        if not len(self._values(measured)):
            return Judgement(NOT_ATTEMPTED, f"{measured.metric} was not measured on {name}")
        return None

    def _off_scale(self, name: str, values: pd.Series) -> Judgement | None:
        """Published numbers are judged on the published data at the published scale alone."""
        if self.project.published_scale(name):
            return None
        dataset = self.project.dataset_of(name)
        reason = f"measured on {dataset} at the small scale, published on {self.study.dataset}"
        return _shown(values, reason)

    def _row(self, claim, judgement, measured, note, values, against, tolerance=math.nan) -> dict:
        name = measured.experiment if measured else ""
        run = self.project.runs.get(name)
        published = getattr(claim, "published", "")
        if claim.kind == "unit":
            published = ", ".join(published.values())
        rule = {
            "claim": claim.model_dump(exclude_defaults=True),
            "confidence": self.study.confidence,
        }
        if claim.kind == "number":
            rule["tolerance"] = self.study.tolerances[claim.tolerance].model_dump()
        living = int(np.isfinite(values).sum())
        reason = judgement.reason
        if 0 < living < len(values):
            reason += f"; seeds without a finite value: {len(values) - living}"
        for lacking in sorted({name, *against.split()} & self.diverged.keys()):
            seeds = ", ".join(map(str, self.diverged[lacking]))
            reason += f"; {lacking} without seed {seeds}, which diverged"
        return {
            "study": self.study.id,
            "claim": claim.id,
            "number": claim.number,
            "source": claim.source,
            "text": claim.text,
            "kind": claim.kind,
            "reading": self.project.declared[name].reading if measured else "",
            "experiment": name,
            "epochs": getattr(run, "epochs", None),
            "metric": measured.metric if measured else "",
            "against": against,
            "split": measured.split if measured else "",
            "dataset": self.project.dataset_of(name) if run else "",
            "note": note,
            "published": published,
            "tolerance": tolerance,
            "seeds": living,
            **asdict(judgement),
            "reason": reason,
            "rule_hash": sha256_json(rule)[:16],
        }


def _seconds(costs: pd.DataFrame, sweeps: Collection[str]) -> pd.DataFrame:
    """Training seconds as metrics: of each seed that was trained by itself; where seeds trained
    together, their mean, one value each time. Sweeps have none: their rows are of points."""
    known = costs if "seed" in costs else costs.assign(seed=float("nan"))
    known = known[~known.experiment.isin(sweeps)]
    times = known.groupby("experiment").cumcount()
    return known[["experiment"]].assign(
        seed=known.seed.fillna(times).astype("int64"),
        metric="train_seconds",
        split="train",
        value=known.train_seconds / known.seeds,
    )


def first_reached(errors: pd.Series, level: float) -> float:
    """The smallest severity, straight lines between those of the index, at which `errors` reach
    `level`; NaN where they never do."""
    severities, values = errors.index.to_numpy(float), errors.to_numpy(float)
    above = np.flatnonzero(values >= level)
    if not len(above):
        return math.nan
    if above[0] == 0:
        return math.nan if values[0] > level else float(severities[0])
    around = slice(above[0] - 1, above[0] + 1)
    return float(np.interp(level, values[around], severities[around]))


def _shown(values: pd.Series, reason: str) -> Judgement:
    """Measured, but not to be compared."""
    return Judgement(NOT_COMPARABLE, reason, mean=float(values.mean()), sd=float(values.std()))


def _combinations(claim):
    """Every (variants, measured statistic) of a number or threshold claim."""
    for variants in claim.variants:
        for experiment in variants.experiments:
            for metric in variants.metrics:
                yield (
                    variants,
                    Measured(experiment=experiment, metric=metric, split=variants.split),
                )


def _of_the_metric(judgement: Judgement, sign: int, threshold: float) -> Judgement:
    """Mean and interval of the metric itself rather than of its distance beyond the threshold."""
    low, high = sorted((threshold + sign * judgement.low, threshold + sign * judgement.high))
    return replace(judgement, mean=threshold + sign * judgement.mean, low=low, high=high)
