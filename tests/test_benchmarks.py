from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import growth, nets, rivals
from benchmarks.cases import CASES
from benchmarks.contest import contenders
from benchmarks.floor import Rates, floor

from latent_atlas.files import write_table
from latent_atlas.report.performance import performance


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rivals_train_the_same_network(case):
    """A rival that is smaller would be faster for nothing."""
    experiment = case.settings()
    decoded_alone = experiment.model.family == "auto-decoder"
    rival = nets.auto_decoder(experiment) if decoded_alone else rivals.Network(experiment)
    rivals.check_size(rival, experiment)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("case", CASES)
def test_contenders_have_names_of_their_own(case, device):
    entered = contenders(case, device)
    assert len({contender.name for contender in entered}) == len(entered)


def test_the_floor_of_an_auto_decoder():
    """By hand: 32 batches of 32 rows through 64-128-256-512-784, forward, by input and by weight;
    two FLOPs each. Codes alone need no gradient by weight."""
    weights = 64 * 128 + 128 * 256 + 256 * 512 + 512 * 784
    least = floor(CASES["auto-decoder"], Rates(1.0, 1.0))
    assert least.arithmetic == 32 * 3 * 2 * 32 * weights
    assert floor(CASES["latents-1000"], Rates(1.0, 1.0)).arithmetic == 2 * 2 * weights


def test_exponents_are_those_of_a_power_law():
    values = np.array([1, 2, 4, 8])
    table = pd.DataFrame(
        {
            "axis": "seeds",
            "model": "made up",
            "value": values,
            "seconds": 3 * values**1.5,
            "peak_mib": 100 * values**0.25,
        }
    )
    found = growth.exponents(table)
    np.testing.assert_allclose(found[["exponent", "low", "high"]].T, [[1.5, 0.25]] * 3)
    assert len(growth.draw(table).axes) == 2


@pytest.mark.parametrize("base", {axis.base.model: axis.base for axis in growth.AXES}.values())
def test_growth_can_be_measured(base):
    seconds, peak = growth.trained(replace(base, images=256, latent=3, seeds=2, epochs=1))
    assert 0 < seconds < 100 and peak > 50


def test_what_was_measured_is_shown_best_first_with_its_figure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = {"unit": "images", "lowest": 1.0, "highest": 9.0, "of_floor": 0.5, "binds": "memory"}
    row["repeats"] = 3
    rows = [
        row | {"contender": name, "rate": rate} for name, rate in (("theirs", 2.0), ("ours", 6.0))
    ]
    Path("measured").mkdir()
    write_table("measured/case.parquet", pd.DataFrame(rows), machine={"cores": 2})
    Path("measured/case.svg").touch()
    shown = performance(Path("measured"))
    assert "![case](../measured/case.svg)" in shown and shown.endswith("cores 2.")
    ours, theirs = (line.split(" | ") for line in shown.splitlines() if "memory" in line)
    assert (ours[0], ours[4], ours[7], theirs[4]) == ("| ours", "3", "3 |", "1")
