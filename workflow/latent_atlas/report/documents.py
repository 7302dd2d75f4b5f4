"""Those parts of the documentation that are made from code, configuration and results."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.loading import with_defaults
from latent_atlas.config.paths import RECORDED
from latent_atlas.config.project import Project
from latent_atlas.config.searches import Search
from latent_atlas.config.settings import Settings
from latent_atlas.config.studies import StudyConfig
from latent_atlas.config.sweeps import Sweep
from latent_atlas.errors import InputError
from latent_atlas.files import atomic
from latent_atlas.report.keys import key_table, key_tables
from latent_atlas.report.listing import claims_listing, headline
from latent_atlas.report.performance import performance
from latent_atlas.report.reproduction import reproduction
from latent_atlas.report.rules import rule_graph

MEASURED = Path("benchmarks/measured")


@dataclass(frozen=True)
class Part:
    """What stands in a file between the marks of its name."""

    file: str
    name: str
    made: Callable[[Project], str]


PARTS = (
    Part("README.md", "headline", lambda project: headline(project, RECORDED)),
    Part("docs/claims.md", "claims", claims_listing),
    Part("docs/reproduction.md", "findings", lambda project: reproduction(project, RECORDED)),
    Part("docs/design.md", "rules", lambda _: rule_graph()),
    Part("docs/performance.md", "measured", lambda _: performance(MEASURED)),
    Part("config/README.md", "settings", lambda _: key_table(Settings, with_defaults({}))),
    Part(
        "config/README.md",
        "keys",
        lambda _: key_tables(DatasetConfig, StudyConfig, Experiment, Classifier, Search, Sweep),
    ),
)


def write_documents(project: Project) -> None:
    """Every part, in place."""
    for file in dict.fromkeys(part.file for part in PARTS):
        with atomic(file) as temporary:
            temporary.write_text(document(project, file), encoding="utf-8")


def document(project: Project, file: str) -> str:
    """A file with its parts as they are to be. InputError where one has no marks."""
    text = Path(file).read_text(encoding="utf-8")
    for part in (part for part in PARTS if part.file == file):
        first, last = f"<!-- {part.name}: make docs -->", f"<!-- end of {part.name} -->"
        before, begun, rest = text.partition(first)
        _, ended, after = rest.partition(last)
        if not (begun and ended):
            raise InputError(f"{file}: the lines {first!r} and {last!r} are missing; add them")
        text = f"{before}{first}\n\n{part.made(project).strip()}\n\n{last}{after}"
    return text
