"""What the page says and what is recorded."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from scipy import stats

from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.files import read_table, read_table_metadata, write_table
from latent_atlas.report.page import comparison, counts, findings, interval, number
from latent_atlas.report.record import record_studies


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
    mean, half = comparison(metrics, ["ad"])["ad"]["psnr_db", "test"]
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
        "dataset": "digits",
        "verdict": "reproduced",
        "reason": "",
        "mean": 2.0,
        "low": 1.9,
    }
    return row | fields


def test_findings_name_the_reading():
    rows = [
        claim(),
        claim(reading="as written", verdict="not reproduced", mean=9.0),
        claim(claim="d", text="the loss is 3", published="3", verdict="not reproduced"),
        claim(claim="e", kind="unit", text="it is an MSE", verdict="not reproduced", reason="why"),
        claim(claim="f", kind="ordering", text="a below b", verdict="reproduced"),
    ]
    assert findings(pd.DataFrame(rows)) == [
        "Unit: that it is an MSE: not reproduced (why).",
        "Reproduced: the loss is 2 (as coded: ad, 9 epochs, total_loss).",
        "Under no reading: the loss is 3; the nearest is 2 (as coded: ad, 9 epochs, total_loss).",
        "Reproduced in its only row, on digits: a below b.",
    ]


def test_counts_follow_the_order_of_verdicts():
    frame = pd.DataFrame({"verdict": ["not attempted", "reproduced", "not attempted"]})
    assert counts(frame) == [("reproduced", 1), ("not attempted", 2)]


@pytest.fixture
def tables(tmp_path):
    frames = {
        "metrics": pd.DataFrame({"experiment": ["ad", "foreign"], "value": [1.0, 2.0]}),
        "claims": pd.DataFrame({"experiment": ["ad"], "verdict": ["reproduced"]}),
        "costs": pd.DataFrame({"experiment": ["ad"], "train_seconds": [3.0]}),
        "provenance": pd.DataFrame({"key": ["commit"], "value": ["abc"]}),
    }
    paths = {}
    for name, frame in frames.items():
        paths[name] = tmp_path / f"{name}.parquet"
        write_table(paths[name], frame, configuration="xyz")
    return SimpleNamespace(**paths)


def test_record_keeps_a_study_and_its_metadata(published, tables, tmp_path):
    outputs = [str(tmp_path / f"recorded/auto_decoder/{name}.parquet") for name in vars(tables)]
    record_studies(published, tables, outputs)
    kept = read_table(outputs[0])
    assert kept.experiment.tolist() == ["ad"]
    assert read_table_metadata(outputs[0]) == {"configuration": "xyz"}
    assert read_table(outputs[3]).value.tolist() == ["abc"]


def test_record_refuses_a_small_run(tables, tmp_path):
    small = Project(yaml.safe_load((ROOT / "config/config.yaml").read_text()), ROOT)
    output = tmp_path / "recorded/auto_decoder/claims.parquet"
    with pytest.raises(InputError, match=r"config/paper\.yaml"):
        record_studies(small, tables, [str(output)])
    assert not output.exists()


def test_recorded_tables_are_small_and_of_published_scale():
    files = list((ROOT / "recorded").glob("*/*.parquet"))
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for path in files:
        if path.name == "provenance.parquet":
            facts = read_table(path).set_index("key").value
            assert facts["scale"] == "published"
            assert "changes" not in facts["commit"]
