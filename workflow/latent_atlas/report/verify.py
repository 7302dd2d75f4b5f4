"""Which results no longer come from the present code, configuration or data, and why."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tqdm import tqdm

from latent_atlas.config.jobs import Jobs
from latent_atlas.errors import InputError
from latent_atlas.files import sha256_file

UNRECORDED = {"manifests", "code", "locks", "logs", "benchmarks", "seeds", "unfinished"}
MOST_KEYS = 3


@dataclass
class Job:
    """A finished job's manifest, and what is wrong with what it made."""

    name: str
    manifest: dict
    reasons: list[str] = field(default_factory=list)


def verify(jobs: Jobs) -> list[str]:
    """One line for everything that is wrong below the project's results folder; nothing is run or
    changed. InputError where nothing is recorded."""
    results = Path(jobs.paths.results)
    found = recorded_jobs(results)
    if not found:
        raise InputError(f"{results}/manifests: nothing is recorded there; run snakemake first")
    hashed = cache(_hash)
    for job in tqdm(found, desc="verify", mininterval=5):
        job.reasons = [*made_otherwise(job.manifest, jobs), *_files(job.manifest, hashed)]
    _spread(found)
    lines = [f"{job.name}: {'; '.join(job.reasons)}" for job in found if job.reasons]
    known = {path for job in found for path in job.manifest["outputs"]}
    return lines + [
        f"{path}: no job that is recorded has made it"
        for path in map(str, sorted(results.rglob("*")))
        if Path(path).is_file() and path not in known and not _unrecorded(Path(path))
    ]


def recorded_jobs(results: Path) -> list[Job]:
    """Those that have left a manifest; InputError where one is damaged."""
    return [_job(path) for path in sorted((results / "manifests").rglob("*.json"))]


def _unrecorded(path: Path) -> bool:
    return bool(UNRECORDED & set(path.parts)) or path.name.startswith(("journal-", "."))


def _job(path: Path) -> Job:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return Job(" ".join([manifest["rule"], *manifest["wildcards"].values()]), manifest)
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not a manifest; delete it and what it tells of") from None


def _hash(path: str) -> str | None:
    return sha256_file(path) if Path(path).is_file() else None


def made_otherwise(manifest: dict, jobs: Jobs) -> list[str]:
    """What of a job's configuration and code has changed since."""
    rule, wildcards = manifest["rule"], manifest["wildcards"]
    reasons = []
    try:
        spec = json.loads(json.dumps(jobs.spec(rule, wildcards)))
    except KeyError:
        return ["the configuration no longer has it"]
    changed = differences(manifest["spec"], spec)
    if changed:
        reasons.append(f"the configuration has changed: {some(changed)}")
    if manifest["code"] != jobs.code(rule, wildcards):
        files = jobs.changed_modules(rule, wildcards, manifest["code"])
        reasons.append(f"the code has changed{f': {some(files)}' if files else ''}")
    return reasons


def some(lines: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(lines) - MOST_KEYS} more" if len(lines) > MOST_KEYS else ""
    return ", ".join(lines[:MOST_KEYS]) + more


def _files(manifest: dict, hashed) -> list[str]:
    reasons = []
    for path, then in manifest["outputs"].items():
        now = hashed(path)
        if now != then:
            reasons.append(f"{path} {'is gone' if now is None else 'was changed afterwards'}")
    for path, then in manifest["inputs"].items():
        now = hashed(path)
        if now != then:
            state = "is gone" if now is None else "is not the one it was made from"
            reasons.append(f"its input {path} {state}")
    return reasons


def _spread(found: list[Job]) -> None:
    """What is made from what is stale is stale."""
    maker = {path: job for job in found for path in job.manifest["outputs"]}
    waiting = [job for job in found if job.reasons]
    users: dict[str, list[Job]] = {}
    for job in found:
        for path in job.manifest["inputs"]:
            if path in maker:
                users.setdefault(maker[path].name, []).append(job)
    while waiting:
        stale = waiting.pop()
        for job in users.get(stale.name, []):
            if not job.reasons:
                job.reasons = [f"made from what {stale.name} made"]
                waiting.append(job)


def differences(then: object, now: object, key: str = "") -> list[str]:
    """Keys that differ between two trees of JSON values, as "key 1 → 2"."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [
            line
            for name in sorted({*then, *now})
            for line in differences(then.get(name), now.get(name), f"{key}.{name}" if key else name)
        ]
    return [] if then == now else [f"{key} {_short(then)} → {_short(now)}"]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"
