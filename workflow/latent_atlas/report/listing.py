"""Every claim of every study, by the section of the report that makes it, as Markdown."""

from latent_atlas.config.project import Project, claim_runs
from latent_atlas.config.studies import Claim

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
    parts = ["# Claims by section of the report", "Written by `python -m latent_atlas claims`."]
    for study in project.studies.values():
        rows = [HEAD, "|---|---|---|---|---|", *(_row(project, claim) for claim in study.claims)]
        parts += [f"## {study.letter} · {study.title}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _row(project: Project, claim: Claim) -> str:
    rule = RULES[claim.kind].format(claim=claim)
    readings = dict.fromkeys(project.declared[run].reading for run in claim_runs(claim))
    cells = (claim.source, f"`{claim.id}`", claim.text, rule, ", ".join(readings))
    return f"| {' | '.join(cells)} |"
