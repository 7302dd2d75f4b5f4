"""Configuration: what is refused and in which words; files that must agree with each other."""

import json
import re
import subprocess
from types import SimpleNamespace

import pytest
import yaml
from conftest import ROOT

from latent_atlas.commands.upkeep import SCHEMAS, write_schemas
from latent_atlas.config.loading import deep_merge
from latent_atlas.config.project import Project
from latent_atlas.errors import InputError

STUDY = "config/studies/auto_decoder.yaml"


def settings(**changes):
    return deep_merge(yaml.safe_load((ROOT / "config/config.yaml").read_text()), changes)


def refused(project, *words):
    with pytest.raises(InputError) as caught:
        project()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": []}, ("key seeds", "[]", "count")),
        ({"seeds": 0}, ("key seeds", "found 0")),
        ({"seeds": [1, 1]}, ("key seeds", "twice")),
        ({"seeds": [0, -1]}, ("key seeds", "-1")),
        ({"seeds": "three"}, ("key seeds", "three")),
        ({"seeds": True}, ("key seeds", "True")),
        ({"seed": 3}, ("unknown key 'seed'", "did you mean 'seeds'")),
        ({"scale": "huge"}, ("key scale", "'small' or 'published'")),
        ({"studies": ["auto-decoder"]}, ("unknown study", "did you mean 'auto_decoder'")),
        ({"studies": []}, ("key studies",)),
        ({"device": "tpu"}, ("key device", "tpu")),
        ({"training_threads": 0}, ("key training_threads", "found 0")),
        ({"training_threads": "2"}, ("key training_threads", "'2'")),
        ({"results": "/tmp/x"}, ("key results", "/tmp/x")),
        ({"results": "../x"}, ("key results", "../x")),
    ],
)
def test_settings_are_refused_by_key(change, words):
    refused(lambda: Project(settings(**change), ROOT, "config/config.yaml"), *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"experiments": {"ad": {"training": {"learning_rate": -0.1}}}},
            ("experiments.ad", "training.learning_rate", "-0.1", "greater than 0"),
        ),
        (
            {"experiments": {"ad": {"training": {"epoch": 3}}}},
            ("unknown key 'epoch'", "did you mean 'epochs'"),
        ),
        ({"experiments": {"ad": {"training": {"epochs": 1.5}}}}, ("training.epochs", "1.5")),
        ({"experiments": {"ad": {"training": {"epochs": "9"}}}}, ("training.epochs", "'9'")),
        (
            {"experiments": {"ad": {"dataset": "fashion-mist"}}},
            ("experiments.ad.dataset", "did you mean 'fashion-mnist'"),
        ),
        (
            {"experiments": {"ad": {"model": {"family": "diffusion"}}}},
            ("experiments.ad", "diffusion", "auto-decoder"),
        ),
        (
            {"experiments": {"ad": {"training": {"objective": {"kl_weight": 0.1}}}}},
            ("experiments.ad", "no posterior", "must be 0"),
        ),
        ({"experiments": {"ad": {"stepped_epochs": 2}}}, ("experiments.ad", "mlp-vae")),
        (
            {"experiments": {"ad": {"subset": {"train": 16}}}},
            ("experiments.ad", "batch_size 32", "16 training images"),
        ),
        ({"experiments": {"ad": {"subset": {"how": "random"}}}}, ("subset.how", "random")),
        ({"small": {"train": 5000}}, ("subset.train", "found 5000", "1297")),
        ({"small": {"dataset": "digit"}}, ("small.dataset", "did you mean 'digits'")),
        ({"small": {"experiments": ["adx"]}}, ("small.experiments", "'adx'")),
        ({"small": {"epochs_factor": 2.0}}, ("small.epochs_factor", "2.0")),
        ({"tolerances": {"loss": {"relative": -1.0}}}, ("tolerances.loss.relative", "-1.0")),
        ({"confidence": 1.5}, ("confidence", "1.5")),
        ({"id": "other"}, ("key id", "'other'", "'auto_decoder'")),
    ],
)
def test_study_is_refused_by_key(checkout, change, words):
    checkout.edit(STUDY, **change)
    refused(lambda: Project(settings(), checkout.folder), STUDY, *words)


@pytest.mark.parametrize(
    ("position", "change", "words"),
    [
        (0, {"tolerance": "lose"}, ("claims.a1-ad-train.tolerance", "did you mean 'loss'")),
        (0, {"published": "many"}, ("claims.0", "many", "as printed")),
        (0, {"kind": "guess"}, ("claims.0", "guess")),
        (
            0,
            {"variants": [{"experiments": ["adx"], "metrics": ["psnr_db"]}]},
            ("claims.a1-ad-train", "'adx'"),
        ),
        (
            0,
            {"variants": [{"experiments": ["ad"], "metrics": ["mse"]}]},
            ("claims.0", "'mse'", "reconstruction_mse"),
        ),
    ],
)
def test_claim_is_refused_by_key(checkout, position, change, words):
    path = checkout.folder / STUDY
    study = yaml.safe_load(path.read_text())
    study["claims"][position] |= change
    path.write_text(yaml.safe_dump(study))
    refused(lambda: Project(settings(), checkout.folder), STUDY, *words)


@pytest.mark.parametrize("text", ["id: [", "- a\n- b\n", "", "!!python/object:os.system {}"])
def test_yaml_that_is_no_mapping(checkout, text):
    (checkout.folder / STUDY).write_text(text)
    refused(lambda: Project(settings(), checkout.folder), STUDY)


def test_both_scales_resolve(published):
    small = Project(settings(), ROOT)
    assert published.hash != small.hash
    assert set(small.experiments) < set(published.experiments)
    assert {e.dataset for e in small.experiments.values()} == {"digits", "digits-m"}
    assert published.experiments["ad"].training.epochs == 400
    assert published.seeds_of("ad") == [0, 1, 2, 3, 4]
    assert published.seeds_of("ad-10k") == [0, 1, 2]


def test_a_list_of_seeds_as_the_command_line_gives_it():
    assert Project(settings(seeds=["3", "0"]), ROOT).settings.seed_list == [3, 0]
    assert Project(settings(seeds=2), ROOT).settings.seed_list == [0, 1]


def test_results_device_and_mirror_leave_the_hash_alone():
    same = settings(results="elsewhere", device="cpu", data_mirror="somewhere")
    assert Project(settings(), ROOT).hash == Project(same, ROOT).hash
    assert Project(settings(), ROOT).hash != Project(settings(seeds=4), ROOT).hash


def test_schemas_are_in_sync(tmp_path):
    write_schemas(SimpleNamespace(folder=tmp_path))
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    kept = {
        path.name: json.loads(path.read_text())
        for path in (ROOT / "workflow/schemas").glob("*.json")
    }
    assert kept == written, "run `make docs`"


def test_every_key_has_a_meaning():
    for name, model in SCHEMAS.items():
        schema = model.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            for key, described in part.get("properties", {}).items():
                if key not in ("kind", "family"):
                    assert described.get("description"), f"{name}: {part['title']}.{key}"


def test_the_lock_names_no_address_and_hashes_everything():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in re.sub(r"(?m)^\s*#.*$", "", lock)
    pins = re.findall(r"(?m)^[a-z0-9][\w.-]*==.*?(?=^\S|\Z)", lock, re.DOTALL)
    assert len(pins) > 50
    assert all("--hash=sha256:" in pin for pin in pins)


def test_conda_environment_uses_the_lock():
    environment = yaml.safe_load((ROOT / "envs/latent-atlas.yaml").read_text())
    assert {"pip": ["-r ../requirements.lock"]} in environment["dependencies"]


def test_nothing_of_this_machine_in_tracked_files():
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in files:
        path = ROOT / name
        if name.startswith((".ci/", "recorded/")) or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert str(ROOT) not in text, name
        assert not re.search(r"\.\./" + "shared", text), name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"experiments": {"gan-mnist": {"latents": None}}},
            ("experiments.gan-mnist", "gan has no encoder", "add latents"),
        ),
        (
            {
                "experiments": {
                    "gan-mnist": {"walks": [{"coordinate": 256, "low": 0, "high": 1, "points": 3}]}
                }
            },
            ("experiments.gan-mnist", "coordinate 256 of 256"),
        ),
        (
            {"experiments": {"gan-mnist": {"training": {"objective": {"kl_weight": 1.0}}}}},
            ("experiments.gan-mnist", "no posterior"),
        ),
        (
            {"experiments": {"vae-mnist": {"model": {"layout": "three-stride"}}}},
            ("experiments.vae-mnist", "three-stride", "'one-stride'"),
        ),
        (
            {"experiments": {"vae-mnist": {"model": {"layout": "five-stride"}}}},
            ("experiments.vae-mnist.model.layout", "multiples of 16", "mnist"),
        ),
        (
            {"experiments": {"vae-mnist": {"training": {"epoch_share": 0.0}}}},
            ("epoch_share", "greater than 0"),
        ),
        (
            {"small": {"other_datasets": {"butterfly": "digits-n"}}},
            ("small.dataset", "did you mean 'digits-m"),
        ),
        (
            {"small": {"other_datasets": {"butterflies": "digits-m"}}},
            ("small.other_datasets", "did you mean 'butterfly'"),
        ),
    ],
)
def test_study_c_is_refused_by_key(checkout, change, words):
    study = "config/studies/generative_families.yaml"
    checkout.edit(study, **change)
    refused(lambda: Project(settings(scale="published"), checkout.folder), study, *words)


SPOILT_FIGURE = {
    "id": "own",
    "source": "ours",
    "caption": "own",
    "kind": "spoilt",
    "experiments": ["fnn"],
}
SWEEP_FIGURE = {"id": "own", "source": "ours", "caption": "own", "kind": "sweep"}
VARYING = {"how": "stratified", "train": 200, "test": 100, "varies": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"experiments": {"simple-mnist": {"model": {"convolutions": [8, 8, 8, 8]}}}},
            ("simple-mnist.model.convolutions", "[1, 28, 28]", "too small for 4"),
        ),
        (
            {"experiments": {"simple-mnist": {"model": {"latent": 3}}}},
            ("figures.fig2.method", "simple-mnist has 3"),
        ),
        (
            {"experiments": {"high-cifar": {"dataset": "mnist"}}},
            ("figures.fig7.experiments", "cifar10-jpeg and mnist"),
        ),
        (
            {"experiments": {"keras-vae": {"subset": VARYING}}},
            ("experiments.keras-vae", "pooled"),
        ),
    ],
)
def test_study_e_is_refused_by_key(checkout, change, words):
    study = "config/studies/colour_images.yaml"
    checkout.edit(study, **change)
    overlay = settings(studies=["colour_images"], scale="published")
    refused(lambda: Project(overlay, checkout.folder), study, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"sweeps": {"fnn-sizes": {"grid": {"model.latents": [2, 3]}}}},
            ("sweeps.fnn-sizes.grid", "fnn has no key 'model.latents'"),
        ),
        (
            {"sweeps": {"fnn-sizes": {"grid": {"model.latent": [0, 3]}}}},
            ("sweeps.fnn-sizes.grid", "latent", "found 0"),
        ),
        (
            {"sweeps": {"fnn-sizes": {"base": "fn"}}},
            ("sweeps.fnn-sizes.base", "did you mean 'fnn'"),
        ),
        (
            {"defaults": {"validation": None}},
            ("sweeps.fnn-sizes.base", "holds images out", "name one with validation"),
        ),
        (
            {"experiments": {"fnn": {"augmentation": {"noise": []}}}},
            ("experiments.fnn", "augmentation.noise", "at least 1"),
        ),
        (
            {"experiments": {"fnn": {"subset": VARYING}}},
            ("experiments.fnn", "augmentation and a subset that varies"),
        ),
        (
            {"figures": [{**SPOILT_FIGURE, "corruptions": ["noise-5"]}]},
            ("figures", "unknown corruption", "noise-0.1"),
        ),
        (
            {"figures": [{**SWEEP_FIGURE, "experiments": ["fnn-sizes", "fnn-grid"]}]},
            (
                "figures.own.experiments",
                "a sweep figure takes sweeps over a grid of the same 1 keys",
            ),
        ),
    ],
)
def test_study_d_is_refused_by_key(checkout, change, words):
    study = "config/studies/noise_robustness.yaml"
    checkout.edit(study, **change)
    overlay = settings(studies=["noise_robustness"], scale="published")
    refused(lambda: Project(overlay, checkout.folder), study, *words)


def test_groups_hold_every_class_once(checkout):
    dataset = "config/datasets/cifar10.yaml"
    checkout.edit(dataset, groups={"vehicles": ["truck", "cat"]})
    refused(lambda: Project(settings(), checkout.folder), dataset, "every class once")
