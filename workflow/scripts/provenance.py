from pathlib import Path

import pandas as pd

from latent_atlas.config.project import Project
from latent_atlas.files import read_table, write_table
from latent_atlas.job import job
from latent_atlas.report.provenance import provenance_frame

with job(snakemake):
    project = Project(snakemake.config)
    costs = pd.concat([read_table(path) for path in snakemake.input.costs], ignore_index=True)
    frame = provenance_frame(
        project,
        snakemake.input.datasets,
        snakemake.input.features,
        Path(project.settings.results) / "benchmarks",
        costs,
    )
    write_table(snakemake.output.provenance, frame)
    write_table(snakemake.output.costs, costs)
