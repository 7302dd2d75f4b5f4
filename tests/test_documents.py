"""Every command of the documentation runs; what stands in several places agrees."""

import re
import shlex
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from conftest import ROOT
from PIL import Image

from latent_atlas.__main__ import parser
from latent_atlas.report.rules import direct

FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "config/README.md"]
FILES += sorted((ROOT / "docs").glob("*.md"))
BEGIN = r"(?:snakemake|latent-atlas|make|npm|python|pre-commit)"
ELSEWHERE = {
    "snakemake --cores 1 results/datasets/photos/train.safetensors": "test_own_images.py",
    "snakemake --cores all --config studies=[mine] own_metrics=[metrics/ink.py]": (
        "test_own_models.py"
    ),
    "latent-atlas rejudge": "test_report.py",
    "npm ci --prefix tests/browser": ".ci/run",
    "pre-commit install": "Makefile",
}
"""Where those are run that change the repository or need what is not here; of pre-commit, what it
would run."""
REPORT = "snakemake --report report.zip"
SCREENSHOT = "python docs/screenshot.py results/report.html docs/page.png"


def commands() -> dict[str, str]:
    """Each command of the documents' shell blocks and of their sentences, with its file."""
    found = {}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
        lines = [line.split("#")[0] for block in blocks for line in block.splitlines()]
        prose = re.sub(r"```.*?```", "", text, flags=re.S)
        lines += [line.replace("\n", " ") for line in re.findall(r"`([^`]*)`", prose)]
        for line in map(str.strip, lines):
            if re.match(rf"{BEGIN}\b", line):
                found.setdefault(line, path.name)
    return found


COMMANDS = commands()


def kind(name: str) -> list[str]:
    return [c for c in COMMANDS if c.split()[0] == name and c not in (*ELSEWHERE, REPORT)]


def test_no_command_is_overlooked():
    apart = {*ELSEWHERE, REPORT, SCREENSHOT}
    assert apart <= set(COMMANDS)
    assert all((ROOT / "tests" / at).exists() or (ROOT / at).exists() for at in ELSEWHERE.values())
    rest = set(COMMANDS) - apart
    for name in ("snakemake", "latent-atlas", "make"):
        rest -= set(kind(name))
    assert rest == set()
    assert all(len(kind(name)) > 4 for name in ("snakemake", "latent-atlas", "make"))


@pytest.mark.parametrize("command", kind("make"))
def test_targets_of_make_are_there(command):
    run = subprocess.run(
        ["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", kind("snakemake"))
def test_commands_of_snakemake_are_planned(finished, command):
    run = finished.snakemake("-n", *shlex.split(command)[1:])
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_snakemakes_own_report(folder):
    run = folder.snakemake(*shlex.split(REPORT)[1:])
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(folder.folder / "report.zip") as report:
        names = report.namelist()
    assert "report/report.html" in names
    assert {"report.html", "fig1.png"} <= {name.rpartition("/")[2] for name in names}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_the_picture_of_the_readme(folder):
    (folder.folder / "docs").mkdir()
    shutil.copy(ROOT / "docs/screenshot.py", folder.folder / "docs")
    script = [sys.executable, *shlex.split(SCREENSHOT)[1:]]
    subprocess.run(script, cwd=folder.folder, check=True)
    with Image.open(folder.folder / "docs/page.png") as picture:
        assert picture.size == (1440, 1000)
        darkest, lightest = picture.convert("L").getextrema()
    assert lightest - darkest > 100, "it is not empty"


@pytest.mark.slow
@pytest.mark.parametrize("command", kind("latent-atlas"))
def test_commands_of_ours_run(folder, command):
    run = folder.python("latent_atlas", *shlex.split(command)[1:])
    assert run.returncode in (0, 1), run.stderr
    assert run.stdout.strip()
    assert "Traceback" not in run.stderr


def test_commands_in_a_row_are_there():
    """Those that a sentence lists without the program's name."""
    (choices,) = (a.choices for a in parser()._actions if a.choices and a.nargs)
    text = (ROOT / "CHANGELOG.md").read_text()
    (listed,) = re.findall(r"- `latent-atlas`: (.*?)\.\n", text, re.S)
    assert set(re.findall(r"`(\S+)`", listed)) <= set(choices)


def test_the_reports_are_cited_as_the_studies_name_them(published):
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    reports = {
        report["title"]: (
            [f"{one['given-names']} {one['family-names']}" for one in report["authors"]],
            report.get("year"),
        )
        for report in cited["references"]
    }
    studies = [s for s in published.studies.values() if s.report]
    assert reports == {s.report: (s.authors, s.year) for s in studies}
    readme = (ROOT / "README.md").read_text()
    for study in studies:
        year = study.year or ""
        row = f"| {study.letter} | *{study.report}* | {', '.join(study.authors)} | {year}"
        assert row in readme
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{cited["version"]}"' in project


def test_hooks_are_the_lint_of_make():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    lint = (ROOT / "Makefile").read_text()
    for hook in hooks:
        program, *words = hook["entry"].removeprefix(".venv/bin/").split()
        assert f"$(BIN)/{' '.join([program, words[0]])}" in lint


def test_links_between_documents_lead_somewhere():
    for path in FILES:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_arrows_that_longer_ways_replace_are_left_out():
    assert direct({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
    both = {("a", "b"), ("b", "a"), ("b", "c"), ("a", "c")}
    assert direct(both) == {("a", "b"), ("b", "a"), ("b", "c")}
