"""What the page says and what is recorded."""

import json
import math
import shutil
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from scipy import stats

from latent_atlas.claims.judge import Judge
from latent_atlas.claims.reasons import with_reasons
from latent_atlas.config.battery import BATTERY, why_not
from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.files import read_table, write_json, write_table
from latent_atlas.report.documents import PARTS, document
from latent_atlas.report.findings import findings, telling
from latent_atlas.report.page import without_shown, write_page
from latent_atlas.report.record import judge_recorded, record_study
from latent_atlas.report.tables import (
    DEPENDS,
    SPOILT,
    comparison,
    counts,
    interval,
    number,
    outcome,
    search_tables,
    with_rows,
)


def test_numbers():
    assert number(0.00026512) == "0.0002651"
    assert number(math.nan) == number(None) == "—"
    assert interval({"low": 1.0, "high": 2.0}) == "1 … 2"
    assert interval({"low": math.nan, "high": 2.0}) == "—"


def test_comparison_is_a_t_interval():
    values = np.array([1.0, 2.0, 4.0])
    metrics = pd.DataFrame(
        {"experiment": "ad", "metric": "psnr_db", "split": "test", "value": values}
    )
    mean, half = comparison(metrics)["ad"]["psnr_db", "test"]
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (mean - half, mean + half) == (pytest.approx(low), pytest.approx(high))


def claim(**fields):
    row = {
        "claim": "c",
        "kind": "number",
        "text": "the loss is 2",
        "published": "2",
        "reading": "as coded",
        "experiment": "ad",
        "epochs": 9,
        "metric": "total_loss",
        "split": "test",
        "dataset": "digits",
        "verdict": "reproduced",
        "reason": "",
        "mean": 2.0,
        "low": 1.9,
        "effect_size": math.nan,
    }
    return row | fields


def test_findings_name_the_reading_and_lead_to_their_row():
    rows = [
        claim(),
        claim(reading="as written", verdict="not reproduced", mean=9.0),
        claim(claim="d", text="the loss is 3", published="3", verdict="not reproduced"),
        claim(claim="g", text="the loss is 4", published="4", verdict="inconclusive"),
        claim(claim="e", kind="unit", text="it is an MSE", verdict="not reproduced", reason="why"),
        claim(claim="f", kind="ordering", text="a below b", verdict="reproduced", effect_size=5.0),
        claim(claim="h", kind="ordering", text="b below a", verdict="not attempted"),
    ]
    found = findings(with_rows(pd.DataFrame(rows), "run"))
    where = "as coded: ad, 9 epochs, total_loss"
    assert [(f.verdict, f.text, f.where, f.row) for f in found] == [
        ("not reproduced", "it is an MSE", "why", "run-e-0"),
        ("reproduced", "the loss is 2", where, "run-c-0"),
        ("not reproduced", "the loss is 3", f"the nearest is 2, {where}", "run-d-0"),
        ("inconclusive", "the loss is 4", f"the nearest is 2, {where}", "run-g-0"),
        ("reproduced", "a below b", "its only row, digits", "run-f-0"),
    ]
    told = [f.row for f in telling(found)]
    assert told == ["run-c-0", "run-f-0", "run-e-0"]


def test_what_was_not_attempted_of_a_claim_is_one_row():
    rows = [
        claim(verdict="not attempted", experiment="x", reason="x is not run"),
        claim(claim="d"),
        claim(),
        claim(verdict="not attempted", experiment="y", reason="y is not run"),
    ]
    table = with_rows(pd.DataFrame(rows), "run")
    assert table.row.tolist() == ["run-c-0", "run-c-1", "run-d-0"]
    assert table.experiment.tolist() == ["ad", "x, y", "ad"]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["reproduced", "not reproduced"], DEPENDS),
        (["better than published", "not reproduced", "inconclusive"], DEPENDS),
        (["reproduced", "better than published"], "reproduced"),
        (["reproduced", "inconclusive"], "reproduced"),
        (["not reproduced", "inconclusive"], "inconclusive"),
        (["not reproduced", "calibrated", "not attempted"], "not reproduced"),
        (["not attempted", "not comparable"], "not comparable"),
        (["not attempted"], "not attempted"),
    ],
)
def test_a_claim_counts_once(verdicts, expected):
    for order in (verdicts, verdicts[::-1]):
        assert outcome(order) == expected
        claims = pd.DataFrame({"claim": "c", "verdict": order})
        assert counts(claims) == [(expected, 1)]


def run_tables(folder, commit, values):
    """A run's tables with one metric of the experiments in `values`, and of a foreign one."""
    folder.mkdir()
    rows = [
        {
            "experiment": experiment,
            "seed": seed,
            "dataset": "fashion-mnist",
            "split": "test",
            "metric": "reconstruction_mse",
            "value": value + seed / 1000,
            "unit": "squared grey level",
        }
        for experiment, value in {**values, "foreign": 9.0}.items()
        for seed in range(3)
    ]
    costs = [{"experiment": e, "seeds": 3, "train_seconds": 3.0} for e in values]
    facts = {"commit": commit, "scale": "published"}
    frames = {
        "metrics": pd.DataFrame(rows),
        "costs": pd.DataFrame(costs),
        "provenance": pd.DataFrame({"key": list(facts), "value": list(facts.values())}),
    }
    paths = {name: folder / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        write_table(paths[name], frame)
    return SimpleNamespace(**paths, searches=[], sidecars=[])


def mean_of(table, experiment):
    return table[table.experiment == experiment].value.mean()


def test_a_later_run_is_recorded_beside_the_earlier(published, tmp_path):
    kept = tmp_path / "recorded"
    first = run_tables(tmp_path / "a", "aaa", {"ad": 0.5, "ad-coded": 0.2})
    record_study(published, "auto_decoder", first, kept)
    second = run_tables(tmp_path / "b", "bbb", {"ad": 0.1})
    record_study(published, "auto_decoder", second, kept)
    metrics = read_table(kept / "metrics.parquet")
    assert set(metrics.experiment) == {"ad", "ad-coded"}
    assert mean_of(metrics, "ad") == pytest.approx(0.101)
    assert dict(zip(metrics.experiment, metrics.commit, strict=True)) == {
        "ad": "bbb",
        "ad-coded": "aaa",
    }
    assert set(read_table(kept / "provenance.parquet").commit) == {"aaa", "bbb"}
    claims = read_table(kept / "claims.parquet").set_index(["claim", "experiment", "metric"])
    row = claims.loc[("a1-ad-test", "ad", "reconstruction_mse")]
    assert row["mean"] == pytest.approx(0.101)
    assert read_table(kept / "costs.parquet").experiment.tolist() == ["ad-coded", "ad"]


def test_what_is_no_longer_declared_as_it_was_run_is_dropped(published, tmp_path):
    kept = tmp_path / "recorded"
    record_study(published, "auto_decoder", run_tables(tmp_path / "a", "aaa", {"ad": 0.5}), kept)
    for table in ("metrics", "costs"):
        frame = read_table(kept / f"{table}.parquet").assign(configuration="another")
        write_table(kept / f"{table}.parquet", frame)
    later = run_tables(tmp_path / "b", "bbb", {"ad-coded": 0.2})
    record_study(published, "auto_decoder", later, kept)
    assert set(read_table(kept / "metrics.parquet").experiment) == {"ad-coded"}
    assert set(read_table(kept / "provenance.parquet").commit) == {"bbb"}


def test_the_figure_of_more_runs_is_kept(published, tmp_path):
    """One of as many others is not taken for it; the same runs again are."""
    kept, tables = tmp_path / "recorded", run_tables(tmp_path / "a", "aaa", {"ad": 0.5})
    shown = []
    for commit, runs in enumerate(("a", "bc", "b", "bd", "bc", "bcd")):
        sidecar = tmp_path / "run" / "fig1.json"
        figure = {"id": "fig1", "kind": "decodes"}
        inputs = dict.fromkeys(runs, "hash")
        write_json(sidecar, {"study": "auto_decoder", "figure": figure, "inputs": inputs})
        sidecar.with_suffix(".png").write_bytes(bytes(commit))
        tables.sidecars = [str(sidecar)]
        facts = pd.DataFrame({"key": ["commit"], "value": [f"commit {commit}"]})
        write_table(tables.provenance, facts)
        record_study(published, "auto_decoder", tables, kept)
        found = json.loads((kept / "figures/fig1.json").read_text())["commit"]
        assert found == f"commit {len((kept / 'figures/fig1.png').read_bytes())}"
        shown.append(int(found.removeprefix("commit ")))
    assert shown == [0, 1, 1, 1, 4, 5]


def test_a_figure_is_shown_once():
    def run(*names):
        return {"figures": [{"figure": {"id": name}, "data": name} for name in names]}

    shown = without_shown(run("fig1", "fig2"), run("fig2", "fig3"))
    assert [figure["data"] for figure in shown["figures"]] == ["fig1"]
    assert shown["unshown"] == ["fig2"]


def test_trials_are_recorded_and_shown(published, tmp_path):
    tables = run_tables(tmp_path / "a", "aaa", {"ae-adam": 0.1})
    found = {"model.latent": 9, "training.weight_decay": 0.1, "training.learning_rate": 0.002}
    trials = [
        {
            "search": "vae-search",
            "trial": number,
            "batch": 0,
            "state": state,
            "value": value,
            "measures": "validation loss",
            "best": state == "complete",
            "epochs": 2,
            "by_epoch": [value + 1, value],
            **found,
        }
        for number, (state, value) in enumerate([("pruned", 4.0), ("complete", 3.0)])
    ]
    path = tmp_path / "trials.parquet"
    write_table(path, pd.DataFrame(trials))
    tables.searches = [path]
    kept = tmp_path / "recorded"
    record_study(published, "tuned_autoencoder", tables, kept)
    later = run_tables(tmp_path / "b", "bbb", {"ae-sgd": 0.1})
    record_study(published, "tuned_autoencoder", later, kept)
    (table,) = search_tables(
        published.studies["tuned_autoencoder"], read_table(kept / "trials.parquet")
    )
    assert (table["id"], table["trial"], table["trials"], table["pruned"]) == (
        "vae-search",
        2,
        2,
        1,
    )
    assert table["values"] == [
        ("model.latent", 44, 9),
        ("training.weight_decay", 0.0018, 0.1),
        ("training.learning_rate", 0.0002, 0.002),
    ]


def test_record_refuses_a_small_run(tmp_path):
    small = Project(yaml.safe_load((ROOT / "config/config.yaml").read_text()), ROOT)
    tables = run_tables(tmp_path / "a", "aaa", {"ad": 0.5})
    with pytest.raises(InputError, match=r"config/paper\.yaml"):
        record_study(small, "auto_decoder", tables, tmp_path / "recorded")
    assert not (tmp_path / "recorded").exists()


def test_recorded_tables_are_small_and_of_published_scale():
    files = list((ROOT / "recorded").glob("*/*.parquet"))
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for path in files:
        if path.name == "provenance.parquet":
            facts = read_table(path)
            assert set(facts[facts.key == "scale"].value) == {"published"}
            assert not facts[facts.key == "commit"].value.str.contains("changes").any()


def test_recorded_figures_name_their_commit():
    for path in (ROOT / "recorded").glob("*/figures/*.json"):
        assert len(json.loads(path.read_text())["commit"]) == 40, path


def test_recorded_verdicts_are_those_of_the_present_claims_and_rules(published, tmp_path):
    """Where not: `python -m latent_atlas rejudge`."""
    for kept in (ROOT / "recorded").iterdir():
        study = Project(published.raw_settings | {"studies": [kept.name]}, ROOT)
        shutil.copytree(kept, tmp_path / kept.name)
        judge_recorded(study, kept.name, tmp_path / kept.name)
        columns = ["claim", "experiment", "metric", "split", "verdict", "rule_hash"]
        now, then = (
            read_table(at / "claims.parquet")[columns] for at in (tmp_path / kept.name, kept)
        )
        assert now.equals(then), kept.name


@pytest.mark.parametrize("file", sorted({part.file for part in PARTS}))
def test_made_parts_of_the_documentation_are_in_sync(published, file, monkeypatch):
    """Where not: `make docs`."""
    monkeypatch.chdir(ROOT)
    assert document(published, file) == Path(file).read_text(encoding="utf-8")


def test_a_document_without_its_marks_is_named(published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text("Nothing.")
    with pytest.raises(InputError, match=r"README.md: the lines .*make docs.* are missing"):
        document(published, "README.md")


def small_page(
    tmp_path,
    settings=None,
    root=ROOT,
    change=lambda metrics: metrics,
    diverged=MappingProxyType({}),
) -> str:
    """The page of a small run of study A whose every measurement is a made-up number."""
    chosen = {"studies": ["auto_decoder"]} | (settings or {})
    project = Project(yaml.safe_load((ROOT / "config/config.yaml").read_text()) | chosen, root)
    rows = [
        {"seed": seed, "split": split, "metric": metric, "experiment": name, "dataset": "digits"}
        for name, experiment in project.experiments.items()
        for seed in project.seeds_of(name)
        for metric, split in [*BATTERY.items(), *((f"corrupted_mse/{s}", "test") for s in SPOILT)]
        if not why_not(metric, experiment)
    ]
    agreement = [
        r | {"metric": r["metric"].replace("_mse/", "_agreement/")}
        for r in rows
        if "/" in r["metric"]
    ]
    metrics = pd.DataFrame(rows + agreement)
    random = np.random.default_rng(0)
    metrics = change(metrics.assign(value=random.random(len(metrics)), unit="1"))
    costs = pd.DataFrame(
        {
            "experiment": name,
            "seeds": 2,
            "epochs": 3,
            "parameters": 4,
            "train_seconds": 5.0,
            "images_per_second": 6.0,
            "peak_memory_mib": 7.0,
            "device": "cpu",
            "threads": 1,
            "diverged": diverged.get(name, ""),
        }
        for name in project.experiments
    )
    frames = {
        "metrics": with_reasons(metrics, project, "not finished"),
        "costs": costs,
        "claims": Judge(project, "auto_decoder", metrics.assign(reason=""), costs).frame(),
        "provenance": pd.DataFrame({"key": ["commit"], "value": ["abc"]}),
    }
    paths = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        write_table(paths[name], frame)
    inputs = SimpleNamespace(**paths, searches=[], sidecars=[])
    write_page(project, inputs, [], tmp_path / "page.html")
    return (tmp_path / "page.html").read_text()


def test_the_page_names_what_has_not_finished(tmp_path):
    assert "Not finished" not in small_page(tmp_path)
    page = small_page(tmp_path, change=lambda metrics: metrics[metrics.experiment != "ad"])
    assert "Not finished: ad." in page
    assert "was not measured on ad" in page


def test_the_page_names_what_has_diverged(tmp_path):
    told = "seed 1 at epoch 2: its loss is nan"
    assert "diverged" not in small_page(tmp_path)
    page = small_page(tmp_path, diverged={"ad": told})
    assert f"<strong>ad diverged: {told}.</strong>" in page
    assert page.count(told) == 2, "at the head and in its row of costs"


def test_a_page_without_any_verdict_says_so(tmp_path):
    def nothing(metrics):
        return metrics[metrics.metric == "psnr_db"]

    page = small_page(tmp_path, change=nothing)
    assert "No claim is decided yet." in page
    assert "not finished" in page


def test_three_hundred_experiments_fit_a_page(tmp_path):
    root = tmp_path / "atlas"
    shutil.copytree(ROOT / "config", root / "config")
    path = root / "config/studies/auto_decoder.yaml"
    study = yaml.safe_load(path.read_text())
    more = {f"ad-{n}": study["experiments"]["ad"] for n in range(300)}
    study["experiments"] |= more
    study["small"]["experiments"] += list(more)
    path.write_text(yaml.safe_dump(study))
    page = small_page(tmp_path, root=root)
    assert all(f'id="run-model-{name}"' in page for name in more)
    assert len(page) < 8e6
