"""What runs again after what kind of edit: the table of `docs/reruns.md` is what this test sees."""

import ast
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT, Checkout

PACKAGE = "workflow/latent_atlas"
STUDY = "config/studies/auto_decoder.yaml"
PLAN = """
import json, sys
from latent_atlas.report.why import plan
json.dump([job.rule for job in plan(["--", *sys.argv[1:]]) if job.output], sys.stdout)
"""
Edit = Callable[[Checkout], None]


def replaced(file: str, old: str, new: str) -> Edit:
    def edit(checkout: Checkout) -> None:
        path = checkout.folder / file
        assert old in path.read_text(), f"{file}: {old}"
        path.write_text(path.read_text().replace(old, new, 1))

    return edit


def a_statement(file: str) -> Edit:
    def edit(checkout: Checkout) -> None:
        with (checkout.folder / file).open("a") as source:
            source.write("\nEDITED = True\n")

    return edit


def keys(file: str, **changes) -> Edit:
    return lambda checkout: checkout.edit(file, **changes)


def unformatted(checkout: Checkout) -> None:
    for path in (checkout.folder / PACKAGE / "models").glob("*.py"):
        path.write_text(ast.unparse(ast.parse(path.read_text())))


def touched(checkout: Checkout) -> None:
    later = time.time() + 60
    for path in checkout.folder.rglob("*"):
        if path.is_file() and not {"results", ".snakemake"} & set(path.parts):
            os.utime(path, (later, later))


def changed_bytes(file: str) -> Edit:
    def edit(checkout: Checkout) -> None:
        path = checkout.folder / file
        path.write_bytes(path.read_bytes()[:-1])

    return edit


def removed(file: str) -> Edit:
    return lambda checkout: (checkout.folder / file).unlink()


EDITS: dict[str, tuple[list[str], Edit]] = {
    "a comment and a docstring": (
        [f"{PACKAGE}/training/loop.py"],
        replaced(f"{PACKAGE}/training/loop.py", '"""Training:', '# Mind.\n"""How it trains:'),
    ),
    "the layout of every model's file": ([f"{PACKAGE}/models/*.py"], unformatted),
    "the times of all files, as by a checkout": ([], touched),
    "code of one family, `models/gan.py`": (
        [f"{PACKAGE}/models/gan.py"],
        a_statement(f"{PACKAGE}/models/gan.py"),
    ),
    "code of another, `models/pool.py`": (
        [f"{PACKAGE}/models/pool.py"],
        a_statement(f"{PACKAGE}/models/pool.py"),
    ),
    "code of all training, `training/loop.py`": (
        [f"{PACKAGE}/training/loop.py"],
        a_statement(f"{PACKAGE}/training/loop.py"),
    ),
    "code of classifiers, `classification/train.py`": (
        [f"{PACKAGE}/classification/train.py"],
        a_statement(f"{PACKAGE}/classification/train.py"),
    ),
    "code of searches, `tuning/search.py`": (
        [f"{PACKAGE}/tuning/search.py"],
        a_statement(f"{PACKAGE}/tuning/search.py"),
    ),
    "code of a measurement, `evaluation/paths.py`": (
        [f"{PACKAGE}/evaluation/paths.py"],
        a_statement(f"{PACKAGE}/evaluation/paths.py"),
    ),
    "code of figures, `figures/curves.py`": (
        [f"{PACKAGE}/figures/curves.py"],
        a_statement(f"{PACKAGE}/figures/curves.py"),
    ),
    "code of verdicts, `claims/judge.py`": (
        [f"{PACKAGE}/claims/judge.py"],
        a_statement(f"{PACKAGE}/claims/judge.py"),
    ),
    "the page's style, `page.css`": (
        ["workflow/report/page.css"],
        replaced("workflow/report/page.css", "{", "{ "),
    ),
    "an experiment's learning rate": (
        [STUDY],
        keys(STUDY, experiments={"ad": {"training": {"learning_rate": 0.002}}}),
    ),
    "a figure's caption": ([STUDY], replaced(STUDY, "  caption: ", "  caption: New. ")),
    "a tolerance of claims": ([STUDY], keys(STUDY, tolerances={"loss": {"relative": 0.2}})),
    "the battery's paths": (
        ["config/config.yaml"],
        keys("config/config.yaml", battery={"paths": 20}),
    ),
    "one more seed": (["config/config.yaml"], keys("config/config.yaml", seeds=3)),
    "minutes between checkpoints, the mirror": (
        ["config/config.yaml"],
        keys("config/config.yaml", checkpoint_minutes=9, data_mirror="elsewhere"),
    ),
    "a figure is deleted, and `snakemake figures` asked for": (
        ["results/figures/auto_decoder/fig2.png"],
        removed("results/figures/auto_decoder/fig2.png"),
    ),
    "a result is overwritten": (
        ["results/runs/ad/latents/test.safetensors"],
        changed_bytes("results/runs/ad/latents/test.safetensors"),
    ),
}


@contextmanager
def undone(checkout: Checkout, patterns: list[str]) -> Iterator[None]:
    paths = [path for pattern in patterns for path in checkout.folder.glob(pattern)]
    kept = {path: (path.read_bytes(), path.stat()) for path in paths}
    try:
        yield
    finally:
        for path, (content, before) in kept.items():
            path.write_bytes(content)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def planned(checkout: Checkout, words: str) -> str:
    """The jobs of a run of what the words name, or of all, as "rule (how many), …"."""
    target = re.findall(r"`snakemake (\w+)`", words)
    run = subprocess.run(
        [sys.executable, "-c", PLAN, *target],
        cwd=checkout.folder,
        env=os.environ | {"PYTHONPATH": str(checkout.folder / "workflow")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    counted = Counter(json.loads(run.stdout))
    return ", ".join(f"{rule} ({n})" if n > 1 else rule for rule, n in sorted(counted.items()))


@pytest.mark.slow
def test_the_table_of_reruns_is_what_happens(tiny):
    rows = []
    for words, (patterns, edit) in EDITS.items():
        with undone(tiny, patterns):
            edit(tiny)
            rows.append(f"| {words} | {planned(tiny, words) or '—'} |")
    table = "\n".join(rows)
    assert table in Path(ROOT / "docs/reruns.md").read_text(), table


@pytest.mark.slow
def test_why_says_what_has_changed(tiny):
    def why(*arguments) -> list[str]:
        run = tiny.python("latent_atlas", "why", *arguments)
        assert run.returncode == 0, run.stderr
        return run.stdout.splitlines()

    assert why() == ["nothing would run"]
    a_statement(f"{PACKAGE}/models/gan.py")(tiny)
    keys(STUDY, experiments={"ad": {"training": {"learning_rate": 0.002}}})(tiny)
    removed("results/figures/auto_decoder/fig2.png")(tiny)
    lines = dict(line.split(": ", 1) for line in why())
    assert lines["train gan-mnist-coded"] == ("the code has changed: latent_atlas/models/gan.py")
    assert lines["train ad"] == (
        "the configuration has changed: run.training.learning_rate 0.001 → 0.002"
    )
    assert "gone: results/figures/auto_decoder/fig2.png" in lines["figure auto_decoder fig2"]
    assert "judge" in lines["after these"]
    assert "train vae-butterfly-short" not in lines
    (line,) = why("results/runs/gan-mnist-coded/weights.safetensors")
    assert line.startswith("train gan-mnist-coded: ")
    run = tiny.python("latent_atlas", "why", "results/none.png")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
