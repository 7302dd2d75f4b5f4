"""Keeping a finished published-scale study's tables in `recorded/`."""

from pathlib import Path

from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.files import read_table, read_table_metadata, write_table


def record_studies(project: Project, tables, outputs: list[str]) -> None:
    """Write `recorded/{study}/{table}.parquet` for every study of the run, its own rows alone.

    `tables` names the run's `metrics`, `claims`, `costs` and `provenance`. InputError at another
    scale: small runs are remade in minutes and would overwrite what took hours.
    """
    if project.settings.scale != "published":
        raise InputError(
            f"record keeps published-scale runs; this one is {project.settings.scale}: "
            "add --configfile config/paper.yaml"
        )
    for output in map(Path, outputs):
        study, kind = output.parent.name, output.stem
        frame = read_table(getattr(tables, kind))
        if "experiment" in frame:
            frame = frame[frame.experiment.isin(project.studies[study].experiments)]
        write_table(output, frame, **read_table_metadata(getattr(tables, kind)))
