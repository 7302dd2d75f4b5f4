"""A study's claims against the metrics table: one row for each claim and way of measuring it."""

import math
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from latent_atlas.claims.verdicts import (
    CALIBRATED,
    NOT_ATTEMPTED,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    REPRODUCED,
    Judgement,
    half_width,
    judge_number,
    judge_sign,
    survive_holm,
)
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


class Judge:
    """Judges one study. `metrics` is the tidy table of all runs; `costs` that of trainings, of
    which those of a single seed give `train_seconds`."""

    def __init__(self, project: Project, study: str, metrics: pd.DataFrame, costs: pd.DataFrame):
        self.project, self.study = project, project.studies[study]
        rows = pd.concat([metrics, _seconds(costs)])
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
            judgement = self._missing(measured) or self._off_scale(measured)
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
                judgement = judgement or self._missing(measured) or self._off_scale(measured)
                values = self._values(measured)
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

    def _off_scale(self, measured: Measured) -> Judgement | None:
        """Published numbers are judged on the published data at the published scale alone."""
        name = measured.experiment
        if self.project.published_scale(name):
            return None
        dataset = self.project.dataset_of(name)
        reason = f"measured on {dataset} at the small scale, published on {self.study.dataset}"
        return _shown(self._values(measured), reason)

    def _row(self, claim, judgement, measured, note, values, against, tolerance=math.nan) -> dict:
        run = self.project.runs.get(measured.experiment)
        declared = self.project.declared[measured.experiment]
        published = claim.published if claim.kind == "number" else ""
        if claim.kind == "unit":
            published = ", ".join(claim.published.values())
        rule = {
            "claim": claim.model_dump(exclude_defaults=True),
            "confidence": self.study.confidence,
        }
        if claim.kind == "number":
            rule["tolerance"] = self.study.tolerances[claim.tolerance].model_dump()
        living = int(np.isfinite(values).sum())
        reason = judgement.reason
        if 0 < living < len(values):
            reason += f"; {len(values) - living} seeds gave no finite value"
        return {
            "study": self.study.id,
            "claim": claim.id,
            "number": claim.number,
            "source": claim.source,
            "text": claim.text,
            "kind": claim.kind,
            "reading": declared.reading,
            "experiment": measured.experiment,
            "epochs": getattr(run, "epochs", None),
            "metric": measured.metric,
            "against": against,
            "split": measured.split,
            "dataset": self.project.dataset_of(measured.experiment) if run else "",
            "note": note,
            "published": published,
            "tolerance": tolerance,
            "seeds": living,
            **asdict(judgement),
            "reason": reason,
            "rule_hash": sha256_json(rule)[:16],
        }


def _seconds(costs: pd.DataFrame) -> pd.DataFrame:
    """Training seconds as metrics, where each seed was trained by itself."""
    alone = costs[costs.seeds == 1] if "seed" in costs else costs[:0].assign(seed=0)
    alone = alone[alone.seed.notna()].astype({"seed": "int64"})
    return alone[["experiment", "seed"]].assign(
        metric="train_seconds", split="train", value=alone.train_seconds
    )


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
