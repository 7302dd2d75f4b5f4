"""What keeps a folder of results, and this repository, in order."""

import argparse
from pathlib import Path

from latent_atlas.commands.common import (
    as_json,
    command,
    configured,
    project_of,
    published_settings,
    show,
)
from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.jobs import Jobs
from latent_atlas.config.paths import RECORDED, Paths
from latent_atlas.config.project import Project
from latent_atlas.config.searches import Best, Search
from latent_atlas.config.settings import Settings
from latent_atlas.config.studies import StudyConfig
from latent_atlas.config.sweeps import Sweep
from latent_atlas.files import write_json

SCHEMAS = {
    "config": Settings,
    "dataset": DatasetConfig,
    "experiment": Experiment,
    "classifier": Classifier,
    "search": Search,
    "sweep": Sweep,
    "best": Best,
    "study": StudyConfig,
}


def add(commands) -> None:
    shared = (configured(), as_json())
    command(
        commands,
        "verify",
        verify_results,
        "tell which results no longer come from the present code, configuration and data; exit "
        "status 1 where there is any",
        "verify\nverify --json",
        *shared,
    )
    one = command(
        commands,
        "why",
        explain_rerun,
        "tell what snakemake would run, and why",
        "why\nwhy results/figures/auto_decoder/fig1.png --config seeds=5",
        *shared,
    )
    one.add_argument("target", nargs="*", help="a file or rule; default: all")
    command(
        commands,
        "rejudge",
        judge_recorded_studies,
        "judge what is recorded by the present claims and rules",
        "rejudge",
    )
    command(
        commands,
        "document",
        write_documents,
        "write those parts of the documentation that are made from code, configuration and results",
        "document",
    )
    one = command(
        commands,
        "schemas",
        write_schemas,
        "write the JSON schemas of the configuration",
        "schemas workflow/schemas",
    )
    one.add_argument("folder", type=Path)


def verify_results(arguments: argparse.Namespace) -> int:
    from latent_atlas.report.verify import verify

    lines = verify(Jobs(Paths(project_of(arguments))))
    _say(lines, "everything comes from the present code, configuration and data", arguments.json)
    return int(bool(lines))


def explain_rerun(arguments: argparse.Namespace) -> None:
    from latent_atlas.report.why import why

    given = [f"--configfile={file}" for file in arguments.configfile]
    given += ["--config", *arguments.config] if arguments.config else []
    lines = why(Jobs(Paths(project_of(arguments))), [*given, "--", *arguments.target])
    _say(lines, "nothing would run", arguments.json)


def _say(lines: list[str], otherwise: str, json_wanted: bool) -> None:
    if json_wanted:
        named = (line.partition(": ") for line in lines)
        show([{"what": what, "reason": reason} for what, _, reason in named], True)
    else:
        print("\n".join(lines) or otherwise)


def judge_recorded_studies(arguments: argparse.Namespace) -> None:
    from latent_atlas.report.record import judge_recorded

    settings = published_settings()
    for metrics in sorted(RECORDED.glob("*/metrics.parquet")):
        study = metrics.parent.name
        judge_recorded(Project(settings | {"studies": [study]}), study, metrics.parent)


def write_documents(arguments: argparse.Namespace) -> None:
    from latent_atlas.report.documents import write_documents

    write_documents(Project(published_settings()))


def write_schemas(arguments: argparse.Namespace) -> None:
    """`{name}.schema.json` of every configuration model."""
    for name, model in SCHEMAS.items():
        write_json(arguments.folder / f"{name}.schema.json", model.model_json_schema())
