"""Claims and recorded verdicts as Markdown."""

from pathlib import Path

from latent_atlas.config.project import Project
from latent_atlas.config.runs import claim_runs
from latent_atlas.config.studies import Claim
from latent_atlas.files import read_table
from latent_atlas.report.tables import OUTCOMES, counts

HEAD = "| section | claim | says | rule | readings |"
RULES = {
    "number": "equals {claim.published}",
    "ordering": "lower against higher",
    "threshold": "{claim.side} {claim.threshold:g}",
    "unit": "nearer unit",
    "severity": "calibrates {claim.published}",
    "unattempted": "not attempted",
}


def claims_listing(project: Project) -> str:
    """A table for each study: section, claim, what it says in our words, rule, readings."""
    parts = []
    for study in project.studies.values():
        rows = [HEAD, "|---|---|---|---|---|", *(_row(project, claim) for claim in study.claims)]
        parts += [f"## {study.letter} · {study.title}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _row(project: Project, claim: Claim) -> str:
    rule = RULES[claim.kind].format(claim=claim)
    readings = dict.fromkeys(project.declared[run].reading for run in claim_runs(claim))
    cells = (claim.source, f"`{claim.id}`", claim.text, rule, ", ".join(readings))
    return f"| {' | '.join(cells)} |"


def headline(project: Project, recorded: Path) -> str:
    """A table of the recorded studies: claims by outcome."""
    found = {
        name: dict(counts(read_table(recorded / name / "claims.parquet")))
        for name in project.studies
        if (recorded / name / "claims.parquet").exists()
    }
    rows = [
        (f"{project.studies[name].letter} · {project.studies[name].title}", of_study)
        for name, of_study in found.items()
    ]
    total = {o: sum(of_study.get(o, 0) for of_study in found.values()) for o in OUTCOMES}
    lines = [
        f"| claims of | {' | '.join(OUTCOMES)} |",
        f"|---|{'---:|' * len(OUTCOMES)}",
        *(
            f"| {name} | {' | '.join(str(of_study.get(o, 0)) for o in OUTCOMES)} |"
            for name, of_study in [*rows, ("all", total)]
        ),
    ]
    return "\n".join(lines) + "\n"
