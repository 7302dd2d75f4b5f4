"""A finished run as one RO-Crate, by the public validator, which needs no network here."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import requests
import urllib3
from conftest import ROOT
from requests_cache import CachedSession
from rocrate_validator import models, services

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
KEPT = ROOT / "tests/crate/ro-crate-1.1-context.jsonld"
PROFILE = "workflow-run-crate-0.5"


@pytest.fixture(scope="module")
def archive(finished, tmp_path_factory) -> Path:
    checkout = finished.copy(tmp_path_factory.mktemp("archive") / "atlas")
    shutil.copy(ROOT / "requirements.lock", checkout.folder)
    run = checkout.snakemake("archive")
    assert run.returncode == 0, run.stderr
    return checkout.folder / "results/archive.zip"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """The validator's, as if it had asked for the context once."""
    path = tmp_path_factory.mktemp("cache") / "http"
    raw = urllib3.HTTPResponse(
        io.BytesIO(KEPT.read_bytes()),
        {"Content-Type": "application/ld+json"},
        200,
        preload_content=False,
        request_url=CONTEXT,
    )
    request = requests.Request("GET", CONTEXT).prepare()
    response = requests.adapters.HTTPAdapter().build_response(request, raw)
    with CachedSession(cache_name=str(path), backend="sqlite", expire_after=-1) as session:
        session.cache.save_response(response)
    return path


def issues(crate: Path, cache: Path) -> list[str]:
    settings = services.ValidationSettings(
        rocrate_uri=models.URI(str(crate)),
        profile_identifier=PROFILE,
        offline=True,
        cache_path=cache,
        requirement_severity=models.Severity.REQUIRED,
    )
    result = services.validate(settings)
    found = [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]
    assert result.passed() == (not found)
    return found


def test_the_crate_passes_the_public_validator(archive, cache):
    assert issues(archive, cache) == []


def test_a_crate_without_one_of_its_files_does_not(archive, cache, tmp_path):
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(broken, "w") as part:
        for name in whole.namelist():
            if name != "results/metrics.parquet":
                part.writestr(name, whole.read(name))
    assert any("results/metrics.parquet" in issue for issue in issues(broken, cache))


def test_it_tells_what_was_run_by_whom_it_was_claimed_and_what_came_of_it(archive):
    with zipfile.ZipFile(archive) as crate:
        names = set(crate.namelist())
        graph = json.loads(crate.read("ro-crate-metadata.json"))["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    run = entities["#run"]
    results = {found["@id"] for found in run["result"]}
    assert {"results/report.html", "results/claims.parquet"} <= results <= names
    assert len([name for name in results if name.endswith(".svg")]) > 20
    inputs = {found["@id"] for found in run["object"]}
    assert {"config/settings.yaml", "config/studies/auto_decoder.yaml", "#digits"} <= inputs
    assert entities["#digits"]["license"]
    assert {"workflow/Snakefile", "workflow/rules/training.smk", "requirements.lock"} <= names
    assert run["instrument"] == {"@id": "workflow/Snakefile"}
    assert run["startTime"] <= run["endTime"]
    assert entities["#report-A"]["author"] == [{"@id": "#Sean-Metlitski"}, {"@id": "#Guy-Or"}]
    assert entities["#Max-Yuhas"]["name"] == "Max Yuhas"
    told = json.dumps(graph)
    assert str(archive.parent) not in told
    assert "data_mirror" not in told
