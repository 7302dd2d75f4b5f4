"""The tables and figures of a run → one self-contained page."""

import base64
import json
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from latent_atlas.claims.reasons import measured_rows
from latent_atlas.claims.verdicts import VERDICTS
from latent_atlas.config.battery import BATTERY, CLOCKED
from latent_atlas.config.loading import REPOSITORY
from latent_atlas.config.metrics import METRICS
from latent_atlas.config.project import Project
from latent_atlas.config.studies import StudyConfig
from latent_atlas.files import atomic, read_table
from latent_atlas.report import tables
from latent_atlas.report.findings import findings, telling

TEMPLATES = REPOSITORY / "workflow/report"
NO_TRIALS = pd.DataFrame({"experiment": []})
SYMBOLS = dict(zip(tables.OUTCOMES, "✓▲±✗?=≠–", strict=True))


def write_page(project: Project, inputs, recorded: list[str], output: str) -> None:
    """`inputs` names the run's tables and its figures' sidecars; `recorded` lists the files below
    the project's folder of finished published-scale runs."""
    metrics, claims = read_table(inputs.metrics), read_table(inputs.claims)
    judged = [project.root / file for file in recorded if Path(file).name == "claims.parquet"]
    folders = {file.parent.name: file.parent for file in judged}
    searches = [
        read_table(path).rename(columns={"search": "experiment"}) for path in inputs.searches
    ]
    trials = pd.concat(searches or [NO_TRIALS])
    figures = [_figure(Path(sidecar)) for sidecar in inputs.sidecars]
    measured, studies = set(measured_rows(metrics).experiment), []
    for name, study in project.studies.items():
        drawn = [figure for figure in figures if figure["study"] == name]
        own = metrics[metrics.experiment.isin(study.experiments)]
        run = _evidence(project, study, claims[claims.study == name], own, trials, drawn)
        runs = [run | {"scale": project.settings.scale, "commits": []}]
        if name in folders:
            runs.insert(0, _recorded(project, study, folders[name]))
        best = runs[-1] if project.settings.scale == "published" else runs[0]
        runs = [run if run is best else without_shown(run, best) for run in runs]
        studies.append({"config": study, "runs": runs, "best": best})
    counted = [study for study in studies if study["best"]["scale"] == "published"] or studies
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            project=project,
            studies=studies,
            verdicts=VERDICTS,
            unfinished=[name for name in project.runs if name not in measured],
            counted=counted,
            counts=_sum([study["best"]["counts"] for study in counted]),
            metric_meanings=METRICS,
            runs=project.runs,
            spoilt_names=tables.SPOILT,
            spoilt=tables.spoilt(measured_rows(metrics)),
            battery={metric: split for metric, split in BATTERY.items() if metric not in CLOCKED},
            costs=read_table(inputs.costs).to_dict("records"),
            provenance=read_table(inputs.provenance).to_dict("records"),
            style=text("page.css"),
            scripts=[text("vendor/dataTables-3.1.5.min.js"), text("page.js")],
        )
    )
    with atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def environment() -> Environment:
    """Templates of `workflow/report`, which escape what they are given."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=tables.number,
        interval=tables.interval,
        epochs=tables.epochs,
        slug=lambda text: text.replace(" ", "-"),
        symbol=SYMBOLS.get,
    )
    return made


def text(name: str) -> str:
    """A file of `workflow/report` as it is."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _evidence(
    project: Project, study: StudyConfig, claims, metrics, trials, figures, scope: str = "run"
) -> dict:
    """What one run has found about one study."""
    rows = tables.with_rows(claims, scope)
    found, models = findings(rows), tables.models(project, metrics)
    return {
        "scope": scope,
        "rows": rows.to_dict("records"),
        "counts": tables.counts(claims),
        "seeds": int(claims.seeds.max()),
        "datasets": sorted(set(claims.dataset) - {""}),
        "findings": found,
        "telling": telling(found),
        "matrix": tables.number_matrix(rows),
        "models": models,
        "rates": tables.rates(study, models),
        "searches": tables.search_tables(study, trials),
        "figures": figures,
        "unshown": [],
    }


def _recorded(project: Project, study: StudyConfig, folder: Path) -> dict:
    """What is recorded of a study, and what is known of each commit that it comes from."""
    facts, trials = read_table(folder / "provenance.parquet"), folder / "trials.parquet"
    sidecars = {path.stem: path for path in sorted((folder / "figures").glob("*.json"))}
    evidence = _evidence(
        project,
        study,
        read_table(folder / "claims.parquet"),
        read_table(folder / "metrics.parquet"),
        read_table(trials) if trials.exists() else NO_TRIALS,
        [_figure(sidecars[figure.id]) for figure in study.figures if figure.id in sidecars],
        "recorded",
    )
    commits = [
        dict(zip(of_commit.key, of_commit.value, strict=True))
        for _, of_commit in facts.groupby("commit", sort=False)
    ]
    return evidence | {"scale": "published", "commits": commits}


def without_shown(run: dict, best: dict) -> dict:
    """A run without the pictures that the best run of its study shows; `unshown` names them."""
    shown = {figure["figure"]["id"] for figure in best["figures"]}
    drawn = {figure["figure"]["id"]: figure for figure in run["figures"]}
    return run | {
        "figures": [figure for name, figure in drawn.items() if name not in shown],
        "unshown": [name for name in drawn if name in shown],
    }


def _sum(counted: list[list[tuple[str, int]]]) -> list[tuple[str, int]]:
    total = {name: sum(dict(c).get(name, 0) for c in counted) for name in tables.OUTCOMES}
    return [(name, count) for name, count in total.items() if count]


def _figure(sidecar: Path) -> dict:
    """The sidecar's facts, and the picture as a data address."""
    described = json.loads(sidecar.read_text(encoding="utf-8"))
    shown = tables.picture(sidecar, described)
    kind = {".svg": "svg+xml", ".png": "png"}[shown.suffix]
    encoded = base64.b64encode(shown.read_bytes()).decode()
    return described | {"data": f"data:image/{kind};base64,{encoded}"}
