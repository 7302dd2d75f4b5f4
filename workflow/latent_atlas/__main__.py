"""`python -m latent_atlas schemas FOLDER`: the JSON schemas of the configuration files."""

import argparse
from pathlib import Path

from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.project import Settings
from latent_atlas.config.searches import Best, Search
from latent_atlas.config.studies import StudyConfig
from latent_atlas.files import write_json

SCHEMAS = {
    "config": Settings,
    "dataset": DatasetConfig,
    "experiment": Experiment,
    "classifier": Classifier,
    "search": Search,
    "best": Best,
    "study": StudyConfig,
}


def write_schemas(folder: Path) -> None:
    """`{name}.schema.json` of every configuration model."""
    for name, model in SCHEMAS.items():
        write_json(folder / f"{name}.schema.json", model.model_json_schema())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m latent_atlas", description=__doc__)
    commands = parser.add_subparsers(required=True)
    schemas = commands.add_parser("schemas", help="write the JSON schemas of the configuration")
    schemas.add_argument("folder", type=Path)
    schemas.set_defaults(run=lambda arguments: write_schemas(arguments.folder))
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
