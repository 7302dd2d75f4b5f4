"""What several commands share: their options, the project, how rows are printed."""

import argparse
import json
from collections.abc import Callable

import yaml

from latent_atlas.config.loading import DEFAULTS, deep_merge, load_yaml, with_defaults
from latent_atlas.config.project import Project
from latent_atlas.report.tables import number

PUBLISHED = "config/paper.yaml"
WIDEST = 60
"""Characters of a table's cell."""
Rows = list[dict[str, object]]


def command(
    commands, name: str, run: Callable, words: str, examples: str, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """A parser whose help ends with examples, a line each."""
    lines = "\n".join(f"  latent-atlas {example}" for example in examples.splitlines())
    parser = commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        epilog=f"examples:\n{lines}",
        parents=parents,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def configured() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--configfile", action="append", default=[], help="as for snakemake: config/paper.yaml"
    )
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="as for snakemake: seeds=5"
    )
    return parser


def as_json() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def project_of(arguments: argparse.Namespace) -> Project:
    """The project of this folder, as `--configfile` and `--config` change it."""
    settings = with_defaults({})
    for file in arguments.configfile:
        settings = deep_merge(settings, load_yaml(file, file))
    for change in arguments.config:
        key, _, value = change.partition("=")
        settings = deep_merge(settings, {key: yaml.safe_load(value)})
    return Project(settings, where=" and ".join([DEFAULTS, *arguments.configfile]))


def published_settings() -> dict:
    return with_defaults(load_yaml(PUBLISHED, PUBLISHED))


def show(rows: Rows, json_wanted: bool) -> None:
    """As a table whose long cells are cut, or as JSON."""
    if json_wanted:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    cells = [[_cell(value) for value in row.values()] for row in rows]
    table = [list(rows[0]), *cells] if rows else []
    widths = (
        [max(len(row[column]) for row in table) for column in range(len(table[0]))] if rows else []
    )
    for row in table:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
