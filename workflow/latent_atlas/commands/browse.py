"""What is declared, and what became of it: studies, experiments, claims."""

import argparse
import math
from pathlib import Path

import pandas as pd

from latent_atlas.claims.reasons import measured_rows
from latent_atlas.claims.verdicts import VERDICTS
from latent_atlas.commands.common import Rows, as_json, command, configured, project_of, show
from latent_atlas.config.base import nearest
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.paths import RECORDED, Paths
from latent_atlas.config.project import Project
from latent_atlas.config.runs import claim_runs, study_runs
from latent_atlas.errors import InputError
from latent_atlas.files import read_table
from latent_atlas.report.tables import comparison

CLAIM_COLUMNS = ("study", "claim", "reading", "experiment", "metric", "published")
CHANGED = 1
"""Exit status of a comparison that finds a difference."""


def add(commands) -> None:
    shared = (configured(), as_json())
    command(commands, "studies", list_studies, "list the studies of a run", "studies", *shared)
    one = command(
        commands,
        "experiments",
        list_experiments,
        "list what a run trains",
        "experiments --study auto_decoder\nexperiments --configfile config/paper.yaml --json",
        *shared,
    )
    one.add_argument("--study", help="of this one alone")
    one = command(
        commands,
        "claims",
        list_claims,
        "list the verdicts of a run, a row for each claim and reading",
        'claims --study auto_decoder\nclaims --recorded --verdict "not reproduced"',
        *shared,
    )
    one.add_argument("--study", help="of this one alone")
    one.add_argument("--verdict", choices=VERDICTS, help="with this one alone")
    one.add_argument(
        "--recorded", action="store_true", help="of the published-scale runs in recorded/"
    )
    one = command(
        commands,
        "show",
        show_experiment,
        "tell what an experiment is, where its files are and what was measured",
        "show ad\nshow ad --json",
        *shared,
    )
    one.add_argument("experiment")
    one = command(
        commands,
        "compare",
        compare,
        "list the claims on which two runs differ; exit status 1 where there is any",
        "compare results results-5\ncompare recorded results-paper/claims.parquet --json",
        as_json(),
    )
    for which in ("first", "second"):
        one.add_argument(which, type=Path, help="results folder, recorded/ or a claims.parquet")


def list_studies(arguments: argparse.Namespace) -> None:
    project = project_of(arguments)
    show([_study(project, name) for name in project.studies], arguments.json)


def _study(project: Project, name: str) -> dict:
    study = project.studies[name]
    return {
        "study": name,
        "letter": study.letter,
        "title": study.title,
        "authors": study.cited,
        "runs": len(project.study_runs(name)),
        "declared": len(study_runs(study)),
        "figures": len(project.drawable(name)),
        "claims": len(study.claims),
    }


def list_experiments(arguments: argparse.Namespace) -> None:
    project = project_of(arguments)
    paths, studies = Paths(project), _chosen(arguments.study, project.studies)
    rows = [
        {
            "id": name,
            "study": study,
            "kind": type(project.runs[name]).__name__.lower(),
            "reading": getattr(project.runs[name], "reading", None),
            "dataset": project.dataset_of(name),
            "family": project.family_of(name),
            "seeds": len(_seeds(project, name)),
            "measured": Path(paths.run(name, "metrics.parquet")).exists(),
        }
        for study in studies
        for name in project.study_runs(study)
    ]
    show(rows, arguments.json)


def _seeds(project: Project, run: str) -> list[int]:
    """A search runs its trials with one seed."""
    return [0] if run in project.searches else project.seeds_of(run)


def _chosen(study: str | None, studies) -> list[str]:
    if study is not None and study not in studies:
        raise InputError(f"--study: unknown {study!r}; {nearest(study, studies)}")
    return list(studies) if study is None else [study]


def list_claims(arguments: argparse.Namespace) -> None:
    project = project_of(arguments)
    claims = _claims(RECORDED if arguments.recorded else Path(project.settings.results))
    claims = claims[claims.study.isin(_chosen(arguments.study, sorted(set(claims.study))))]
    if arguments.verdict:
        claims = claims[claims.verdict == arguments.verdict]
    show([_claim(row) for row in claims.to_dict("records")], arguments.json)


def _claims(place: Path) -> pd.DataFrame:
    """Of a results folder, of `recorded/` or of a table."""
    if place.is_file():
        return read_table(place)
    found = sorted(place.glob("claims.parquet")) or sorted(place.glob("*/claims.parquet"))
    if not found:
        raise InputError(
            f"{place}: holds no claims.parquet; run snakemake --cores all, or name another folder"
        )
    return pd.concat([read_table(path) for path in found], ignore_index=True)


def _claim(row: dict) -> dict:
    numbers = {key: _finite(row[key]) for key in ("mean", "low", "high")}
    seeds = int(row["seeds"])
    named = {key: row[key] for key in CLAIM_COLUMNS}
    return named | numbers | {"seeds": seeds, "verdict": row["verdict"], "text": row["text"]}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def show_experiment(arguments: argparse.Namespace) -> None:
    project, name = project_of(arguments), arguments.experiment
    if name not in project.runs:
        raise InputError(f"{name}: not run; {nearest(name, project.runs)}")
    paths, run = Paths(project), project.runs[name]
    study = next(study for study in project.studies if name in project.study_runs(study))
    folder = Path(paths.run(name, ""))
    command_line = f"snakemake --cores all {paths.run(name, 'metrics.parquet')}{project.overlay}"
    facts = {
        "id": name,
        "study": study,
        "title": run.title,
        "reading": getattr(run, "reading", None),
        "dataset": project.dataset_of(name),
        "seeds": _seeds(project, name),
        "configuration": run.model_dump(exclude_defaults=True, exclude={"id", "title", "reading"}),
        "claims": [c.id for c in project.studies[study].claims if name in claim_runs(c)],
        "files": sorted(map(str, (path for path in folder.rglob("*") if path.is_file()))),
        "command": command_line,
    }
    measured = _measured(folder / "metrics.parquet") if isinstance(run, Experiment) else []
    if arguments.json:
        show([facts | {"metrics": measured}], True)
        return
    show([{"key": key, "value": value} for key, value in facts.items() if key != "files"], False)
    print("\n" + "\n".join(facts["files"] or ["nothing is made yet"]) + "\n")
    show(measured, False)


def _measured(path: Path) -> Rows:
    """Means over seeds with the half-width of their 95 % interval."""
    if not path.exists():
        return []
    (values,) = comparison(measured_rows(read_table(path))).values()
    return [
        {"metric": metric, "split": split, "mean": mean, "half_width": _finite(half)}
        for (metric, split), (mean, half) in values.items()
    ]


def compare(arguments: argparse.Namespace) -> int:
    keys = ["study", "claim", "reading", "experiment", "metric", "against", "split", "note"]
    first, second = (
        _claims(place)[[*keys, "mean", "seeds", "verdict", "text"]].drop_duplicates(keys)
        for place in (arguments.first, arguments.second)
    )
    both = first.merge(second, "outer", keys, suffixes=("_first", "_second"))
    both = both[both.verdict_first.fillna("") != both.verdict_second.fillna("")]
    rows = [
        {
            "study": row.study,
            "claim": row.claim,
            "reading": row.reading,
            "experiment": row.experiment,
            "metric": row.metric,
            "first": _verdict(row.verdict_first),
            "second": _verdict(row.verdict_second),
            "mean_first": _finite(row.mean_first),
            "mean_second": _finite(row.mean_second),
            "seeds_first": _finite(row.seeds_first),
            "seeds_second": _finite(row.seeds_second),
            "text": row.text_first if isinstance(row.text_first, str) else row.text_second,
        }
        for row in both.itertuples()
    ]
    show(rows, arguments.json)
    if not arguments.json:
        print(f"{len(rows)} of {len(first.merge(second, on=keys, how='outer'))} rows differ")
    return CHANGED if rows else 0


def _verdict(found: object) -> str:
    return found if isinstance(found, str) else "no such row"
