"""Sentences made from verdicts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latent_atlas.claims.verdicts import (
    BETTER,
    INCONCLUSIVE,
    NOT_ATTEMPTED,
    NOT_REPRODUCED,
    REPRODUCED,
)
from latent_atlas.report.tables import epochs, number

JUDGED = (REPRODUCED, BETTER, INCONCLUSIVE, NOT_REPRODUCED)


@dataclass(frozen=True)
class Finding:
    """What became of one claim. `row` is the anchor of a row that shows it; `weight` how far the
    measurement lies from the published number, as a log ratio, or from the dividing line, in
    standard deviations over seeds."""

    verdict: str
    kind: str
    text: str
    where: str
    row: str
    weight: float


def findings(claims: pd.DataFrame) -> list[Finding]:
    """Units, what each published number came to, and the orderings and thresholds on which all
    rows agree; `claims` with anchors."""
    return [*_units(claims), *_numbers(claims), *_agreed(claims)]


def telling(found: list[Finding]) -> list[Finding]:
    """Of what holds and of what does not, the heaviest finding about a number or unit and the
    heaviest other one."""
    chosen = []
    for verdict in (REPRODUCED, NOT_REPRODUCED):
        for numeric in (True, False):
            some = [
                f
                for f in found
                if f.verdict == verdict and (f.kind in ("number", "unit")) == numeric
            ]
            chosen += sorted(some, key=lambda finding: -finding.weight)[:1]
    return chosen


def _units(claims: pd.DataFrame) -> Iterator[Finding]:
    for row in claims[(claims.kind == "unit") & (claims.verdict != NOT_ATTEMPTED)].itertuples():
        yield Finding(
            row.verdict, "unit", row.text, row.reason.split(";")[0], row.row, float("inf")
        )


def _numbers(claims: pd.DataFrame) -> Iterator[Finding]:
    judged = claims[(claims.kind == "number") & claims.verdict.isin(JUDGED)]
    for _, rows in judged.groupby("claim", sort=False):
        text = rows.iloc[0].text
        distance = np.log(rows["mean"] / float(rows.iloc[0].published)).abs()
        nearest = rows.loc[distance.idxmin()]
        found = rows[rows.verdict == REPRODUCED]
        if len(found):
            where = "; ".join(map(_where, found.itertuples()))
            weight = float(len(found) == len(rows))
            yield Finding(REPRODUCED, "number", text, where, found.iloc[0].row, weight)
            continue
        verdict = next(verdict for verdict in JUDGED if verdict in set(rows.verdict))
        where = f"the nearest is {number(nearest['mean'])}, {_where(nearest)}"
        yield Finding(verdict, "number", text, where, nearest.row, distance.min())


def _agreed(claims: pd.DataFrame) -> Iterator[Finding]:
    judged = claims[~claims.kind.isin(["unit", "number"]) & (claims.verdict != NOT_ATTEMPTED)]
    for _, rows in judged.groupby("claim", sort=False):
        if set(rows.verdict) not in ({REPRODUCED}, {NOT_REPRODUCED}):
            continue
        where = f"all {len(rows)} rows" if len(rows) > 1 else "its only row"
        first, data = rows.iloc[0], ", ".join(sorted(set(rows.dataset)))
        weight = rows.effect_size.abs().min()
        yield Finding(first.verdict, first.kind, first.text, f"{where}, {data}", first.row, weight)


def _where(row) -> str:
    return f"{row.reading}: {row.experiment}{epochs(row.epochs)}, {row.metric}"
