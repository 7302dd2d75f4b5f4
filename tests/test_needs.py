"""What jobs ask of a cluster covers what was measured."""

from types import SimpleNamespace

import pytest
from conftest import ROOT

from latent_atlas.config.jobs import Jobs
from latent_atlas.config.needs import FAMILIES, FIXED, ON_GPU, Needs
from latent_atlas.config.networks import NETWORKS
from latent_atlas.config.paths import Paths
from latent_atlas.files import read_table

RECORDED = sorted((ROOT / "recorded").glob("*/costs.parquet"))


@pytest.mark.parametrize("path", RECORDED, ids=[path.parent.name for path in RECORDED])
def test_minutes_and_memory_cover_what_was_recorded(published, path):
    needs, seen = Needs(published), 0
    for name, rows in read_table(path).groupby("experiment"):
        if name in published.experiments:
            rule, wildcards = "train", {"experiment": name}
        elif name in published.classifiers:
            rule, wildcards = "classify", {"classifier": name}
        else:
            rule, wildcards = "sweep", {"sweep": name}
        took = rows.train_seconds.sum() / 60
        assert 3 * took < needs.runtime([(rule, wildcards)]) < 40 * took + 20, name
        peak = rows.peak_memory_mib.max() * 1.049
        assert 1.2 * peak < needs.mem_mb([(rule, wildcards)]) < 4 * peak, name
        seen += 1
    assert seen > 4


def test_every_rule_and_family_has_its_constants(published):
    assert set(Jobs(Paths(published)).specs) == ON_GPU | set(FIXED)
    assert set(FAMILIES) == {*NETWORKS, "encoder", "cnn"}


def test_a_further_attempt_asks_for_more_and_a_batch_for_the_sum(published):
    needs = Needs(published)
    one, other = {"experiment": "ad"}, {"experiment": "deep-cifar"}
    of = needs.of("train")
    for key in ("mem_mb", "runtime"):
        assert of[key](one, 2) == 2 * of[key](one, 1)
        assert of[key](other, 1) > of[key](one, 1)
    both = needs.together([("train", one), ("train", other)])
    assert both["mem_mb"]({}, 1) == of["mem_mb"](other, 1)
    alone = of["runtime"](one, 1) + of["runtime"](other, 1)
    assert abs(both["runtime"]({}, 1) - (alone - 10)) <= 1


@pytest.mark.parametrize(("device", "gpus"), [("auto", 1), ("cpu", 0), ("cuda", 1)])
def test_gpus_are_asked_for_unless_the_configuration_wants_none(published, device, gpus):
    project = SimpleNamespace(settings=SimpleNamespace(device=device))
    assert Needs(project).of("train")["gpu"] == gpus
    assert Needs(project).of("figure")["gpu"] == 0
