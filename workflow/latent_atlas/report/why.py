"""What `snakemake` would run, and why, in plain words."""

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from latent_atlas.config.jobs import Batch, Jobs
from latent_atlas.errors import REFUSED
from latent_atlas.report.verify import made_otherwise, recorded_jobs, some

MISSING = "Missing output files"
FOLLOWS = "Input files updated by another job"
CHANGED = "Params have changed since last execution"
SAID = {
    "Updated input files": "newer than what was made of it: {}",
    "Incomplete output files": "cut off before it was whole: {}",
    "Set of input files has changed since last execution": "it reads other files than before",
    "Software environment definition has changed since last execution": (
        "the environment it runs in has changed"
    ),
}


@dataclass(frozen=True)
class Planned:
    """A job of a dry run, with what it makes and Snakemake's reasons for it."""

    rule: str
    wildcards: dict[str, str]
    output: list[str]
    reasons: dict[str, list[str]]
    """Their files."""

    @property
    def name(self) -> str:
        return " ".join([self.rule, *self.wildcards.values()])


def why(jobs: Jobs, arguments: list[str]) -> list[str]:
    """A line for each job that a run with these arguments would do again for a reason of its own,
    then one that counts those that follow from others, and one for what was never made. Nothing is
    run or changed."""
    recorded = {job.name: job.manifest for job in recorded_jobs(Path(jobs.paths.results))}
    batches = {batch.name: batch for batch in jobs.batches()}
    lines, after, new = [], Counter(), Counter()
    for job in plan(arguments):
        if not job.output:
            continue
        if not any(Path(file).exists() for file in job.output):
            new[job.rule] += 1
        elif set(job.reasons) == {FOLLOWS}:
            after[job.rule] += 1
        else:
            lines.append(f"{job.name}: {'; '.join(_in_words(job, jobs, recorded, batches))}")
    for said, rules in (("after these", after), ("not made yet", new)):
        if rules:
            told = (f"{rule} ({n})" if n > 1 else rule for rule, n in sorted(rules.items()))
            lines.append(f"{said}: {', '.join(told)}")
    return lines


def plan(arguments: list[str]) -> list[Planned]:
    """The jobs of `snakemake --dry-run` with these arguments; SystemExit where it ends with an
    error, which it has then printed."""
    from snakemake import cli
    from snakemake.logging import logger
    from snakemake_interface_logger_plugins.common import LogEvent

    planned = []

    def heard(record: logging.LogRecord) -> bool:
        if getattr(record, "event", None) is LogEvent.JOB_INFO:
            wildcards = dict(record.wildcards or {})
            output, reasons = list(record.output or []), _reasons(record.reason)
            planned.append(Planned(record.rule_name, wildcards, output, reasons))
        return record.levelno >= logging.ERROR

    logger.addFilter(heard)
    try:
        cli.main(["--dry-run", "--cores", "1", *arguments])
    except SystemExit as end:
        if end.code:
            raise SystemExit(REFUSED) from None
    finally:
        logger.removeFilter(heard)
    return planned


def _reasons(told: str) -> dict[str, list[str]]:
    """Snakemake's "REASON: FILE, FILE; REASON"."""
    parts = (part.partition(": ") for part in told.split("; "))
    return {reason: files.split(", ") for reason, _, files in parts}


def _in_words(
    job: Planned, jobs: Jobs, recorded: dict[str, dict], batches: dict[str, Batch]
) -> list[str]:
    words = []
    for reason, files in job.reasons.items():
        if reason == MISSING:
            words.append(f"gone: {some([f for f in job.output if not Path(f).exists()])}")
        elif reason == CHANGED:
            words += _changes(job, jobs, recorded, batches) or ["its parameters have changed"]
        elif reason != FOLLOWS:
            words.append(SAID.get(reason, reason.lower()).format(some(files)))
    return words


def _changes(
    job: Planned, jobs: Jobs, recorded: dict[str, dict], batches: dict[str, Batch]
) -> list[str]:
    """What differs from its manifest, or from those of a batch's tasks."""
    if job.rule not in batches:
        return made_otherwise(recorded[job.name], jobs) if job.name in recorded else []
    found = []
    for task in batches[job.rule].tasks:
        name = " ".join([task["rule"], *task["wildcards"].values()])
        changes = made_otherwise(recorded[name], jobs) if name in recorded else ["not made yet"]
        found += [f"{name}: {change}" for change in changes]
    return found
