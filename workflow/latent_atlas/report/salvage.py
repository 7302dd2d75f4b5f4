"""The page of a run that has not finished: of whatever is there."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pandas as pd

from latent_atlas.claims.judge import judge_studies
from latent_atlas.claims.reasons import with_reasons
from latent_atlas.config.paths import Paths
from latent_atlas.errors import InputError
from latent_atlas.files import read_table, write_table
from latent_atlas.report.page import write_page
from latent_atlas.report.provenance import provenance_frame

UNFINISHED = "not finished"


def write_salvaged(paths: Paths, recorded: list[str], output: str) -> None:
    """Judge what has been measured and write the page of it; nothing else is made or changed.
    InputError where nothing has been measured."""
    project, results = paths.project, Path(paths.results)
    finished = [name for name in project.runs if Path(paths.run(name, "metrics.parquet")).exists()]
    trained = _there(paths.costs())
    if not finished or not trained:
        raise InputError(f"{results}: no run has been measured yet; run snakemake first")
    metrics = _joined([*paths.runs("metrics.parquet", finished), *_there(paths.quality())])
    metrics = metrics[metrics.experiment.isin(finished)]
    costs = _joined(trained)
    datasets = _there(paths.datasets())
    features = _there([paths.features(name) for name in project.sampled_datasets])
    frames = {
        "metrics": with_reasons(metrics, project, UNFINISHED),
        "costs": costs,
        "claims": judge_studies(project, metrics, costs),
        "provenance": provenance_frame(project, datasets, features, results / "benchmarks", costs),
    }
    with TemporaryDirectory() as folder:
        tables = {name: Path(folder) / f"{name}.parquet" for name in frames}
        for name, frame in frames.items():
            write_table(tables[name], frame)
        searches = _there(paths.runs("trials.parquet", project.searches))
        sidecars = _there(paths.every_figure("json"))
        drawn = SimpleNamespace(**tables, searches=searches, sidecars=sidecars)
        write_page(project, drawn, recorded, output)


def _there(files: list[str]) -> list[str]:
    return [file for file in files if Path(file).exists()]


def _joined(files: list[str]) -> pd.DataFrame:
    return pd.concat([read_table(file) for file in files], ignore_index=True)
