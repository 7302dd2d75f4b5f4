"""Keeping finished published-scale runs in `recorded/`, which git tracks."""

import json
from pathlib import Path

import pandas as pd

from latent_atlas.claims.judge import Judge
from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.files import atomic, read_table, write_json, write_table
from latent_atlas.report.tables import picture


def record_study(project: Project, study: str, tables, folder: Path) -> None:
    """Write `{table}.parquet` of a study into `folder`, beside what was recorded there before.

    `tables` names the run's `metrics`, `costs`, `provenance`, the trials of its `searches` and the
    `sidecars` of its figures.
    What this run has measured replaces what is recorded of the same experiment, classifier or
    search; others stay, if they are still declared as they were run. Every row names its commit
    and configuration, every commit has its provenance, and the claims are judged on all of it.
    InputError at another scale: small runs are remade in minutes and would overwrite what took
    hours.
    """
    if project.settings.scale != "published":
        raise InputError(
            f"record keeps published-scale runs; this one is {project.settings.scale}: "
            "add --configfile config/paper.yaml"
        )
    whole = Project(project.raw_settings | {"only": None, "studies": [study]}, project.root)
    facts = read_table(tables.provenance)
    commit = facts.set_index("key").value["commit"]
    declared = {name: whole.configuration(name) for name in whole.runs}
    fresh = {
        "metrics": read_table(tables.metrics),
        "costs": read_table(tables.costs),
        "trials": _trials(tables.searches),
    }
    joined = {
        table: _beside(
            frame[frame.experiment.isin(whole.runs)].assign(
                commit=commit, configuration=lambda rows: rows.experiment.map(declared)
            ),
            folder / f"{table}.parquet",
            declared,
        )
        for table, frame in fresh.items()
    }
    old = _recorded(folder / "provenance.parquet")
    earlier = old[old.commit.isin(set(joined["metrics"].commit) - {commit})] if len(old) else old
    joined["provenance"] = pd.concat([earlier, facts.assign(commit=commit)], ignore_index=True)
    for table, frame in joined.items():
        if len(frame):
            write_table(folder / f"{table}.parquet", frame, configuration=whole.hash)
    judge_recorded(whole, study, folder)
    for sidecar in tables.sidecars:
        described = json.loads(Path(sidecar).read_text(encoding="utf-8"))
        if described["study"] == study:
            _keep_figure(Path(sidecar), described | {"commit": commit}, folder / "figures")


def _keep_figure(sidecar: Path, described: dict, folder: Path) -> None:
    """Copy a figure's picture and facts, unless one of more runs, or of as many others, is recorded
    already."""
    kept, fresh = folder / sidecar.name, set(described["inputs"])
    if kept.exists():
        old = set(json.loads(kept.read_text(encoding="utf-8"))["inputs"])
        if len(fresh) <= len(old) and not old <= fresh:
            return
    shown = picture(sidecar, described)
    with atomic(folder / shown.name) as temporary:
        temporary.write_bytes(shown.read_bytes())
    write_json(kept, described)


def judge_recorded(project: Project, study: str, folder: Path) -> None:
    """Judge a study's recorded metrics and costs by its present claims and rules."""
    metrics, costs = (_recorded(folder / f"{table}.parquet") for table in ("metrics", "costs"))
    claims = Judge(project, study, metrics, costs).frame()
    write_table(folder / "claims.parquet", claims, configuration=project.hash)


def _trials(paths: list[str]) -> pd.DataFrame:
    """All trials of the run's searches, without what each epoch gave."""
    frames = [read_table(path).drop(columns="by_epoch") for path in paths]
    if not frames:
        return pd.DataFrame({"experiment": []})
    return pd.concat(frames, ignore_index=True).rename(columns={"search": "experiment"})


def _beside(fresh: pd.DataFrame, path: Path, declared: dict[str, str]) -> pd.DataFrame:
    """`fresh` rows and those recorded of other runs that are declared as they were run."""
    old = _recorded(path)
    if not len(old):
        return fresh
    same = old.configuration == old.experiment.map(declared)
    return pd.concat([old[same & ~old.experiment.isin(fresh.experiment)], fresh], ignore_index=True)


def _recorded(path: Path) -> pd.DataFrame:
    return read_table(path) if path.exists() else pd.DataFrame()
