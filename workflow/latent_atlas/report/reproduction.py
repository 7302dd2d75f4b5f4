"""What the recorded published-scale runs found, as Markdown."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from latent_atlas.config.project import Project
from latent_atlas.config.runs import study_runs
from latent_atlas.config.studies import StudyConfig
from latent_atlas.files import read_table
from latent_atlas.report.findings import findings, telling
from latent_atlas.report.tables import counts, interval, number, with_rows

HEAD = "| published | | reading | measured | interval over seeds | seeds | verdict |"
NOTHING = "nothing has been recorded"


def reproduction(project: Project, recorded: Path) -> str:
    """A section a study: what was run and what was not, at what cost; verdicts; the most telling
    findings; every published number with the readings that were measured."""
    return "\n\n".join(
        _section(project, study, recorded / name) for name, study in project.studies.items()
    )


def _section(project: Project, study: StudyConfig, folder: Path) -> str:
    head = f"## {study.letter} · {study.title}"
    if not (folder / "claims.parquet").exists():
        return f"{head}\n\n{NOTHING}."
    claims, costs = (read_table(folder / f"{name}.parquet") for name in ("claims", "costs"))
    metrics = read_table(folder / "metrics.parquet")
    rows = with_rows(claims, study.id)
    found = ", ".join(f"{count} {name}" for name, count in counts(claims))
    parts = [
        head,
        f"{study.cited}{f' ({study.year})' if study.year else ''}. " + _run(study, costs, metrics),
        f"Claims, each counted once: {found}.",
        "\n".join(
            f"- {f.text[0].upper()}{f.text[1:]}: **{f.verdict}** ({f.where})."
            for f in telling(findings(rows))
        ),
        _numbers(rows),
    ]
    return "\n\n".join(filter(None, parts))


def _run(study: StudyConfig, costs: pd.DataFrame, metrics: pd.DataFrame) -> str:
    """What was run, with how many seeds, where and for how long, and what was not."""
    measured = set(metrics.experiment)
    left = [name for name in study_runs(study) if name not in measured]
    seeds = metrics.groupby("experiment").seed.nunique()
    few, many = seeds.min(), seeds.max()
    device = ", ".join(sorted(set(costs.device)))
    commits = ", ".join(commit[:7] for commit in dict.fromkeys(metrics["commit"]))
    return (
        f"Run: {len(measured)} of {len(study_runs(study))}, "
        f"{few if few == many else f'{few} to {many}'} seeds, "
        f"{costs.train_seconds.sum():,.0f} s of training ({device}), evaluated by commit "
        f"{commits}. Left out: {', '.join(left) or 'nothing'}."
    )


def _numbers(rows: pd.DataFrame) -> str:
    """A table of the published numbers that were measured."""
    shown = rows[(rows.kind == "number") & rows["mean"].notna()]
    lines = [HEAD, "|---:|---|---|---:|---|---:|---|", *_lines(shown)]
    return "\n".join(lines) if len(shown) else ""


def _lines(shown: pd.DataFrame) -> Iterator[str]:
    for row in shown.to_dict("records"):
        what = f"{row['text']} ({row['experiment']}, {row['metric']})"
        cells = (row["published"], what, row["reading"], number(row["mean"]), interval(row))
        yield f"| {' | '.join(map(str, cells))} | {row['seeds']} | {row['verdict']} |"
