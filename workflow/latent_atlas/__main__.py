"""Commands beside the pipeline: `python -m latent_atlas COMMAND --help`."""

import argparse
import os
import sys
from pathlib import Path

import yaml

from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.jobs import Jobs
from latent_atlas.config.loading import DEFAULTS, deep_merge, load_yaml, with_defaults
from latent_atlas.config.paths import Paths
from latent_atlas.config.project import Project
from latent_atlas.config.searches import Best, Search
from latent_atlas.config.settings import Settings
from latent_atlas.config.studies import StudyConfig
from latent_atlas.config.sweeps import Sweep
from latent_atlas.errors import InputError
from latent_atlas.files import write_json

PUBLISHED = "config/paper.yaml"
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


def write_schemas(folder: Path) -> None:
    """`{name}.schema.json` of every configuration model."""
    for name, model in SCHEMAS.items():
        write_json(folder / f"{name}.schema.json", model.model_json_schema())


def project_of(arguments: argparse.Namespace) -> Project:
    """The project of this folder, as `--configfile` and `--config` change it."""
    settings = with_defaults({})
    for file in arguments.configfile:
        settings = deep_merge(settings, load_yaml(file, file))
    for change in arguments.config:
        key, _, value = change.partition("=")
        settings = deep_merge(settings, {key: yaml.safe_load(value)})
    return Project(settings, where=" and ".join([DEFAULTS, *arguments.configfile]))


def verify_results(arguments: argparse.Namespace) -> None:
    """Say what no longer comes from the present code, configuration or data; exit 1 if any."""
    from latent_atlas.report.verify import verify

    lines = verify(Jobs(Paths(project_of(arguments))))
    print("\n".join(lines) or "everything comes from the present code, configuration and data")
    sys.exit(bool(lines))


def explain_rerun(arguments: argparse.Namespace) -> None:
    """Say what snakemake would run, and why."""
    from latent_atlas.report.why import why

    given = [f"--configfile={file}" for file in arguments.configfile]
    given += ["--config", *arguments.config] if arguments.config else []
    lines = why(Jobs(Paths(project_of(arguments))), [*given, "--", *arguments.target])
    print("\n".join(lines) or "nothing would run")


def reconstruct_file(arguments: argparse.Namespace) -> None:
    """Run a MATLAB file's images through a trained experiment of this folder's project."""
    from latent_atlas.exchange.reconstruct import reconstruct
    from latent_atlas.job import torch_device

    source = arguments.input
    reconstruct(
        project_of(arguments),
        arguments.experiment,
        source,
        arguments.output or source.with_name(f"recon_{source.name}"),
        arguments.axes,
        arguments.overwrite,
        torch_device(arguments.device, os.cpu_count() or 1),
    )


def published_settings() -> dict:
    return with_defaults(load_yaml(PUBLISHED, PUBLISHED))


def list_claims() -> None:
    """Print every claim, by the section of the report that makes it."""
    from latent_atlas.report.listing import claims_listing

    print(claims_listing(Project(published_settings())), end="")


def print_headline() -> None:
    """Print how many recorded claims of each study hold."""
    from latent_atlas.report.listing import headline

    print(headline(Project(published_settings()), Path("recorded")), end="")


def judge_recorded_studies() -> None:
    """Judge every study in `recorded/` anew."""
    from latent_atlas.report.record import judge_recorded

    settings = published_settings()
    for metrics in sorted(Path("recorded").glob("*/metrics.parquet")):
        study = metrics.parent.name
        judge_recorded(Project(settings | {"studies": [study]}), study, metrics.parent)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m latent_atlas", description=__doc__)
    commands = parser.add_subparsers(required=True)
    schemas = commands.add_parser("schemas", help="write the JSON schemas of the configuration")
    schemas.add_argument("folder", type=Path)
    schemas.set_defaults(run=lambda arguments: write_schemas(arguments.folder))
    claims = commands.add_parser("claims", help="list every claim by section, as docs/claims.md")
    claims.set_defaults(run=lambda arguments: list_claims())
    summary = commands.add_parser(
        "headline", help="count the recorded claims by what became of them"
    )
    summary.set_defaults(run=lambda arguments: print_headline())
    rejudge = commands.add_parser(
        "rejudge", help="judge what is recorded by the present claims and rules"
    )
    rejudge.set_defaults(run=lambda arguments: judge_recorded_studies())
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument(
        "--configfile", action="append", default=[], help="as for snakemake: config/paper.yaml"
    )
    configured.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="as for snakemake: seeds=5"
    )
    check = commands.add_parser(
        "verify",
        parents=[configured],
        help="tell which results no longer come from the present code, configuration and data",
    )
    check.set_defaults(run=verify_results)
    reasons = commands.add_parser(
        "why", parents=[configured], help="tell what snakemake would run, and why"
    )
    reasons.add_argument("target", nargs="*", help="a file or rule; default: all")
    reasons.set_defaults(run=explain_rerun)
    reconstruct = commands.add_parser(
        "reconstruct",
        parents=[configured],
        help="run the images of a MATLAB file through a trained autoencoder",
    )
    reconstruct.add_argument("input", type=Path, help="28×28 images under input_images")
    reconstruct.add_argument(
        "--experiment",
        default="fnn",
        help="whose first seed is used; default: %(default)s, study D",
    )
    reconstruct.add_argument("--output", type=Path, help="default: recon_INPUT beside INPUT")
    reconstruct.add_argument(
        "--axes",
        choices=["NP", "PN", "NHW", "HWN"],
        help="order of the images' axes where it cannot be told: N images, P pixels, H rows, W "
        "columns",
    )
    reconstruct.add_argument("--overwrite", action="store_true")
    reconstruct.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    reconstruct.set_defaults(run=reconstruct_file)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
