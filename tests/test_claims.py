"""Judging on metrics made by hand, where every verdict is known beforehand."""

import math

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT

from latent_atlas.claims.judge import SCHEMA, Judge, first_reached
from latent_atlas.claims.reasons import DIVERGED
from latent_atlas.claims.verdicts import half_width
from latent_atlas.config.corruptions import CLEAN, CORRUPTIONS
from latent_atlas.config.metrics import unit_of
from latent_atlas.config.project import Project
from latent_atlas.config.runs import claim_runs

SEEDS = range(5)
NO_COSTS = pd.DataFrame({"experiment": [], "seeds": [], "train_seconds": []})


def metrics_of(project, changes, study="auto_decoder"):
    """Every metric a claim reads, 1 ± .01 over seeds unless `changes` names another mean."""
    rows = {}
    for claim in project.studies[study].claims:
        for measured in _measured(claim):
            if measured[0] in project.experiments or measured[0] in project.sweeps:
                rows[measured] = changes.get(measured, 1.0)
    frame = [
        {
            "experiment": experiment,
            "seed": seed,
            "dataset": project.dataset_of(experiment),
            "split": split,
            "metric": metric,
            "value": mean * (1 + 0.01 * np.sin(7 * seed + len(metric) + len(experiment))),
            "unit": unit_of(metric),
        }
        for (experiment, metric, split), mean in rows.items()
        for seed in SEEDS
    ]
    return pd.DataFrame(frame)


def _measured(claim):
    if claim.kind == "ordering":
        for pair in claim.variants:
            for end in (pair.lower, pair.higher):
                yield end.experiment, end.metric, end.split
    elif claim.kind == "unit":
        for split in claim.published:
            for end in (claim.claimed, claim.rival):
                yield end.experiment, end.metric, split
    elif claim.kind == "severity":
        for experiment in claim.experiments:
            for name in (CLEAN, *CORRUPTIONS):
                yield experiment, f"corrupted_mse/{name}", "test"
    elif claim.kind != "unattempted":
        for variants in claim.variants:
            for experiment in variants.experiments:
                for metric in variants.metrics:
                    yield experiment, metric, variants.split


def judged(project, **changes):
    changes = {tuple(key.split("|")): value for key, value in changes.items()}
    return Judge(project, "auto_decoder", metrics_of(project, changes), NO_COSTS).frame()


def row(frame, claim, experiment, metric):
    chosen = frame[
        (frame.claim == claim) & (frame.experiment == experiment) & (frame.metric == metric)
    ]
    assert len(chosen) >= 1
    return chosen.iloc[0]


def assert_attempted(frame):
    """Everything but what the study says is not."""
    left_out = frame.verdict == "not attempted"
    assert left_out.equals(frame.kind == "unattempted")
    assert frame[left_out].experiment.eq("").all()
    assert (frame[left_out].reason.str.len() > 20).all()


def test_every_claim_and_variant_is_a_row(published):
    frame = judged(published)
    assert dict(frame.dtypes.astype(str)).keys() == SCHEMA.keys()
    claims = published.studies["auto_decoder"].claims
    assert list(dict.fromkeys(frame.claim)) == [claim.id for claim in claims]
    assert set(frame.number) >= set(range(1, 15)), "the fourteen claims of the study's list"
    assert_attempted(frame)
    for claim in claims:
        assert bool(claim_runs(claim)) == (claim.kind != "unattempted")


def test_the_eight_published_losses_under_every_reading(published):
    frame = judged(published)
    numbers = frame[(frame.kind == "number") & (frame.number == 1)]
    assert sorted(set(numbers.published)) == sorted(
        ["0.000265", "0.00135", "0.02179", "0.03529", "0.0228", "0.03641", "0.0219", "0.03549"]
    )
    for claim, rows in numbers[~numbers.claim.str.endswith("-stepped")].groupby("claim"):
        assert {"as written", "as coded"} <= set(rows.reading)
        if "ad-" not in claim.removeprefix("a1-v"):
            assert {"total_loss", "reconstruction_mse_sampled"} <= set(rows.metric)
            epochs = {published.experiments[e].training.epochs for e in rows.experiment}
            assert {50, 400} <= epochs


def test_numbers_and_calibration(published):
    frame = judged(
        published,
        **{
            "vad-coded|total_loss|train": 0.0215,
            "vad-coded|total_loss|test": 0.06,
            "ad-coded|frobenius_per_number|train": 0.0002,
        },
    )
    assert row(frame, "a1-vad-train", "vad-coded", "total_loss").verdict == "reproduced"
    assert row(frame, "a1-vad-test", "vad-coded", "total_loss").verdict == "not reproduced"
    better = row(frame, "a1-ad-train", "ad-coded", "frobenius_per_number")
    assert better.verdict == "better than published"
    calibrated = row(frame, "a1-vad-train", "vad", "total_loss")
    assert calibrated.verdict == "calibrated"
    assert calibrated["mean"] == pytest.approx(1, rel=0.01)


def test_the_unit_row_finds_the_frobenius_norm(published):
    values = {
        "ad|reconstruction_mse|train": 0.0012,
        "ad|reconstruction_mse|test": 0.028,
        "ad-coded|frobenius_per_number|train": 0.00022,
        "ad-coded|frobenius_per_number|test": 0.00107,
    }
    found = row(judged(published, **values), "a1-ad-unit", "ad", "reconstruction_mse")
    assert (found.verdict, found.note) == ("not reproduced", "|log ratio|")
    assert found.against == "ad-coded frobenius_per_number"
    assert found.reason.startswith("the rival unit is the nearer one; published over measured: 0.2")
    claimed = math.log(0.0012 / 0.000265) + math.log(0.028 / 0.00135)
    rival = math.log(0.000265 / 0.00022) + math.log(0.00135 / 0.00107)
    assert found["mean"] == pytest.approx((rival - claimed) / 2, rel=0.01)
    assert found.low < found["mean"] < found.high < 0
    values |= {
        "ad|reconstruction_mse|train": 0.00026,
        "ad|reconstruction_mse|test": 0.0013,
        "ad-coded|frobenius_per_number|train": 0.01,
        "ad-coded|frobenius_per_number|test": 0.01,
    }
    found = row(judged(published, **values), "a1-ad-unit", "ad", "reconstruction_mse")
    assert found.verdict == "reproduced"
    assert found.reason.startswith("the claimed unit is the nearer one")
    values |= {
        key.replace("ad|reconstruction_mse", "ad-coded|frobenius_per_number"): value
        for key, value in values.items()
        if key.startswith("ad|")
    }
    found = row(judged(published, **values), "a1-ad-unit", "ad", "reconstruction_mse")
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("undecided")


def test_the_unit_row_needs_both_units_of_both_splits(published):
    metrics = metrics_of(published, {})
    for name, metric in (("ad", "reconstruction_mse"), ("ad-coded", "frobenius_per_number")):
        for split in ("train", "test"):
            lacking = (
                metrics[["experiment", "metric", "split"]].eq([name, metric, split]).all(axis=1)
            )
            frame = Judge(published, "auto_decoder", metrics[~lacking], NO_COSTS).frame()
            found = row(frame, "a1-ad-unit", "ad", "reconstruction_mse")
            assert found.verdict == "not attempted"
            assert found.reason == f"{metric} was not measured on {name}"


def test_orderings_and_thresholds(published):
    frame = judged(
        published,
        **{
            "ad|random_coverage|test": 0.2,
            "ad|random_diversity|test": 0.3,
            "ad|generalisation_gap|test": 9.0,
        },
    )
    ordering = row(frame, "a2-ad", "ad", "test_coverage")
    assert ordering.verdict == "reproduced"
    assert ordering.survives_holm
    assert ordering["mean"] == pytest.approx(0.8, abs=0.02)
    alike = row(frame, "a3-alike", "ad", "random_diversity")
    assert alike.verdict == "reproduced"
    assert alike["mean"] == pytest.approx(0.3, rel=0.01)
    assert alike.low < 0.3 < alike.high
    assert alike.low + alike.high == pytest.approx(2 * alike["mean"])
    assert row(frame, "a11-gap", "ad", "generalisation_gap").verdict == "not reproduced"


def test_a_row_tells_what_was_measured_and_against_what(published):
    shares = {f"{name}|random_share/Shirt|test": 0.8 for name in ("ad", "ad-coded")}
    frame = judged(published, **shares)
    number = row(frame, "a1-vad-train", "vad", "total_loss")
    assert (number.reading, number.epochs, number.split) == ("as written", 50, "train")
    assert (number.dataset, number.seeds) == ("fashion-mnist", 5)
    assert (number.published, number.against) == ("0.02179", "")
    assert number.tolerance == half_width("0.02179", 0.1, 0.0)
    assert number.note == "chose the KL weight"
    assert number.reason == "the published value was used to choose a setting"
    ordering = row(frame, "a2-ad", "ad", "test_coverage")
    assert (ordering.against, ordering.note) == ("ad random_coverage", "")
    assert ordering.reason.startswith("higher − lower: ")
    assert np.isnan(ordering.tolerance)
    below = row(frame, "a3-alike", "ad", "random_diversity")
    assert below.against == "< 0.5"
    assert below.reason.startswith("below 0.5: ")
    above = row(frame, "a3-shirts", "ad", "random_share/Shirt")
    assert (above.against, above.verdict) == ("> 0.5", "reproduced")
    assert above["mean"] == pytest.approx(0.8, rel=0.01)
    unit = row(frame, "a1-ad-unit", "ad", "reconstruction_mse")
    assert unit.published == "0.000265, 0.00135"
    left_out = frame[frame.verdict == "not attempted"]
    assert (left_out[["note", "against", "published", "dataset"]] == "").all(axis=None)
    undecided = frame[(frame.verdict == "inconclusive") & frame.p_value.notna()]
    assert len(undecided) > 1
    assert not undecided.survives_holm.any()


def test_a_row_of_a_run_with_a_diverged_seed_says_so_and_is_whole(published):
    metrics = metrics_of(published, {}).assign(reason="")
    lost = (metrics.experiment == "ad") & (metrics.seed == 2)
    metrics.loc[lost, ["value", "reason"]] = [np.nan, DIVERGED]
    frame = Judge(published, "auto_decoder", metrics, NO_COSTS).frame()
    found = row(frame, "a2-ad", "ad", "test_coverage")
    assert found.reason.endswith("; ad without seed 2, which diverged")
    assert (found.seeds, found.epochs, found.dataset) == (4, 400, "fashion-mnist")


@pytest.mark.parametrize(
    ("dead", "reason"),
    [
        (1, "higher − lower: the interval holds 0; seeds without a finite value: 1"),
        (4, "one seed gives no interval; seeds without a finite value: 4"),
        (5, "no seed gave a finite value"),
    ],
)
def test_a_row_counts_the_seeds_whose_values_are_finite(published, dead, reason):
    metrics = metrics_of(published, {})
    covering = (metrics.experiment == "ad") & (metrics.metric == "test_coverage")
    metrics.loc[covering & (metrics.seed < dead), "value"] = np.nan
    frame = Judge(published, "auto_decoder", metrics, NO_COSTS).frame()
    found = row(frame, "a2-ad", "ad", "test_coverage")
    assert (found.seeds, found.reason) == (5 - dead, reason)


def test_an_ordering_needs_both_of_its_ends(published):
    metrics = metrics_of(published, {})
    for end in ("random_coverage", "test_coverage"):
        kept = metrics[(metrics.experiment != "ad") | (metrics.metric != end)]
        frame = Judge(published, "auto_decoder", kept, NO_COSTS).frame()
        found = row(frame, "a2-ad", "ad", "test_coverage")
        assert (found.verdict, found.reason) == ("not attempted", f"{end} was not measured on ad")


def test_small_scale_judges_orderings_but_no_published_number():
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    project = Project(settings, ROOT)
    frame = judged(project, **{"ad|random_coverage|test": 0.2})
    numbers = frame[(frame.kind == "number") | (frame.kind == "unit")]
    assert set(numbers.verdict) <= {"not comparable", "not attempted"}
    shown = numbers[numbers.verdict == "not comparable"]
    assert shown.reason.str.contains("digits").all()
    assert (shown.sd > 0).all()
    assert row(frame, "a2-ad", "ad", "test_coverage").verdict == "reproduced"
    shirts = row(frame, "a3-shirts", "ad", "random_share/Shirt")
    assert (shirts.verdict, shirts.reason) == ("not comparable", "digits has no class Shirt")


def test_a_changed_rule_changes_its_hash(published):
    before = judged(published)
    study = published.studies["auto_decoder"]
    changed = study.model_copy(
        update={
            "tolerances": study.tolerances
            | {"loss": study.tolerances["ratio"].model_copy(update={"relative": 0.2})}
        }
    )
    published.studies["auto_decoder"] = changed
    try:
        after = judged(published)
    finally:
        published.studies["auto_decoder"] = study
    differs = before.rule_hash != after.rule_hash
    assert set(before[differs].kind) == {"number"}


def metrics_b(project, values):
    """Three seeds of what `values` names, (run, metric, split) → mean."""
    rows = [
        {
            "experiment": run,
            "seed": seed,
            "dataset": "fashion-mnist",
            "split": split,
            "metric": metric,
            "value": mean * (1 + 0.001 * seed),
            "unit": unit_of(metric),
        }
        for (run, metric, split), mean in values.items()
        for seed in project.seeds_of(run)
    ]
    return pd.DataFrame(rows)


def judged_b(project, values, seconds=()):
    costs = [
        {"experiment": run, "seed": seed, "seeds": 1, "train_seconds": s + seed / 10}
        for run, s in dict(seconds).items()
        for seed in project.seeds_of(run)
    ]
    costs = pd.DataFrame(costs) if costs else NO_COSTS
    return Judge(project, "tuned_autoencoder", metrics_b(project, values), costs).frame()


def test_study_b_has_all_its_claims(published):
    frame = judged_b(published, {("cl", "accuracy_percent", "test"): 90.0})
    claims = published.studies["tuned_autoencoder"].claims
    assert list(dict.fromkeys(frame.claim)) == [claim.id for claim in claims]
    assert set(frame.number) >= set(range(1, 17)), "the sixteen claims of the study's list"
    accuracy = frame[(frame.claim == "b1-accuracy") & (frame.experiment == "cl")].iloc[0]
    assert (accuracy.verdict, accuracy.seeds) == ("reproduced", 3)
    others = frame[frame.metric != "accuracy_percent"]
    assert set(others.verdict) == {"not attempted"}


def test_a_ratio_is_judged_over_the_seeds_that_both_have(published):
    fast = judged_b(published, {}, {"cl": 50.0, "cnn-augmented": 1100.0})
    row = fast[fast.claim == "b7-seconds"].iloc[0]
    assert (row.seeds, row["mean"]) == (1, pytest.approx(1100 - 20 * 50))
    assert (row.verdict, row.reason) == ("inconclusive", "one seed gives no interval")
    assert row.against == "20 × cl train_seconds"


def test_seconds_of_another_machine_are_shown_and_not_judged(published):
    frame = judged_b(published, {}, {"cl": 50.0, "cnn-augmented": 1100.0})
    row = frame[frame.claim == "b1-seconds"].iloc[0]
    assert (row.verdict, row["mean"]) == ("not comparable", pytest.approx(50.1))
    assert "another machine" in row.reason


def test_pairs_of_classes_that_a_data_set_lacks(published):
    small = Project(yaml.safe_load((ROOT / "config/config.yaml").read_text()), ROOT)
    ranks = {("ae-tuned", "overlap_rank/0+1", "test"): 3.0}
    frame = judged_b(small, ranks)
    row = frame[(frame.claim == "b9-pullover-coat") & (frame.experiment == "ae-tuned")].iloc[0]
    assert (row.verdict, row.reason) == ("not comparable", "digits has no class Pullover")


def judged_c(project, **changes):
    changes = {tuple(key.split("|")): value for key, value in changes.items()}
    metrics = metrics_of(project, changes, "generative_families")
    return Judge(project, "generative_families", metrics, NO_COSTS).frame()


def test_study_c_has_all_its_claims_under_both_readings(published):
    frame = judged_c(published)
    claims = published.studies["generative_families"].claims
    assert list(dict.fromkeys(frame.claim)) == [claim.id for claim in claims]
    assert set(frame.number) >= set(range(1, 7)), "the six claims of the study's list"
    assert_attempted(frame)
    judged = frame[(frame.claim != "c0-butterfly-images") & (frame.kind != "unattempted")]
    for _, rows in judged.groupby("claim"):
        assert {"as written", "as coded"} <= set(rows.reading)


def test_counts_walks_and_distances_of_study_c(published):
    frame = judged_c(
        published,
        **{
            "vae-mnist-coded|random_frechet|test": 20.0,
            "gan-mnist-coded|random_frechet|test": 5.0,
            "gan-mnist-coded|walk_class_change/1|test": 0.9,
            "gan-mnist-coded|walk_class_change/2|test": 0.1,
        },
    )
    closer = frame[(frame.claim == "c4-closer") & (frame.metric == "random_frechet")]
    assert closer[closer.experiment == "vae-mnist-coded"].verdict.item() == "reproduced"
    by_claim = frame[frame.experiment == "gan-mnist-coded"].set_index("claim").verdict
    assert by_claim["c6-digit-120"] == "reproduced"
    assert by_claim["c6-digit-126"] == "not reproduced"
    butterflies = frame[frame.claim == "c0-butterfly-images"]
    assert set(butterflies.verdict) == {"not comparable"}


def test_a_count_that_all_seeds_share_is_judged(published):
    rows = [
        {"experiment": "cae-mnist-coded", "metric": "dataset_images", "split": "test", "seed": seed}
        for seed in range(3)
    ]
    metrics = pd.DataFrame(rows).assign(value=70000.0)
    frame = Judge(published, "generative_families", metrics, NO_COSTS).frame()
    row = frame[(frame.claim == "c0-mnist-images") & (frame.experiment == "cae-mnist-coded")]
    assert row.verdict.item() == "reproduced"


def judged_d(project, costs=NO_COSTS, **changes):
    changes = {tuple(key.split("|")): value for key, value in changes.items()}
    metrics = metrics_of(project, changes, "noise_robustness")
    if len(costs):
        metrics = metrics[metrics.metric != "train_seconds"]
    return Judge(project, "noise_robustness", metrics, costs).frame()


def test_study_d_has_all_its_claims(published):
    frame = judged_d(published)
    claims = published.studies["noise_robustness"].claims
    assert list(dict.fromkeys(frame.claim)) == [claim.id for claim in claims]
    assert set(frame.number) >= set(range(1, 13)), "the eleven of the study's list, and the leak"
    assert_attempted(frame)


def test_the_severity_that_brings_a_published_error_is_calibrated(published):
    """.01 clean, .02 at 1 %, .06 at 2 %: .0403 comes between; black squares never hurt enough."""
    errors = {"clean": 0.01, "flips-0.01": 0.02, "flips-0.02": 0.06, "flips-0.05": 0.2}
    errors |= {name: 0.03 for name in CORRUPTIONS if name.startswith(("square", "bar", "column"))}
    changes = {f"fnn|corrupted_mse/{name}|test": value for name, value in errors.items()}
    frame = judged_d(published, **changes)
    flips = row(frame, "d1-flips", "fnn", "severity/flips")
    assert (flips.verdict, flips.published) == ("calibrated", "0.0403")
    assert flips["mean"] == pytest.approx(0.01 + 0.01 * 0.0203 / 0.04, rel=0.02)
    assert flips.low < flips["mean"] < flips.high
    assert flips.sd > 0
    assert flips.reason == "straight lines between the severities measured"
    square = row(frame, "d1-occlusion", "fnn", "severity/square")
    assert square.verdict == "calibrated"
    assert np.isnan(square["mean"])
    assert "outside what was measured" in square.reason
    metrics = metrics_of(published, {}, "noise_robustness")
    kept = metrics[metrics.metric != "corrupted_mse/clean"]
    frame = Judge(published, "noise_robustness", kept, NO_COSTS).frame()
    found = row(frame, "d1-flips", "fnn", "severity/flips")
    assert found.verdict == "not attempted"
    assert "corrupted_mse/clean was not measured on fnn" in found.reason


def test_clean_images_have_severity_zero(published):
    errors = {"clean": 0.02, "flips-0.01": 0.06, "flips-0.02": 0.1, "flips-0.05": 0.2}
    changes = {f"fnn|corrupted_mse/{name}|test": value for name, value in errors.items()}
    flips = row(judged_d(published, **changes), "d1-flips", "fnn", "severity/flips")
    assert flips["mean"] == pytest.approx(0.01 * 0.0203 / 0.04, rel=0.02)


@pytest.mark.parametrize(
    ("errors", "level", "expected"),
    [
        ([0.0, 1.0, 2.0], 1.5, 1.5),
        ([0.0, 1.0, 0.5, 2.0], 1.0, 1.0),
        ([0.0, 1.0], 2.0, np.nan),
        ([1.0, 2.0], 0.5, np.nan),
        ([1.0, 2.0], 1.0, 0.0),
    ],
)
def test_the_first_severity_that_reaches_an_error(errors, level, expected):
    series = pd.Series(errors, index=np.arange(len(errors), dtype=float))
    np.testing.assert_allclose(first_reached(series, level), expected)


def test_one_timing_of_all_seeds_decides_nothing(published):
    costs = pd.DataFrame(
        {"experiment": ["fnn", "cnn"], "seeds": [3, 3], "train_seconds": [30.0, 60.0]}
    )
    frame = judged_d(published, costs)
    timed = row(frame, "d2-faster", "cnn", "train_seconds")
    assert (timed.verdict, timed["mean"], timed.seeds) == ("inconclusive", 10.0, 1)
    alone = pd.DataFrame(
        {
            "experiment": ["fnn"] * 3 + ["cnn"] * 3,
            "seed": [0, 1, 2] * 2,
            "seeds": 1,
            "train_seconds": [30.0, 31, 32, 60, 60, 60],
        }
    )
    timed = row(judged_d(published, alone), "d2-faster", "cnn", "train_seconds")
    assert (timed["mean"], timed.seeds) == (29.0, 3)
