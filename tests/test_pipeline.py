"""The whole workflow on tiny data, through Snakemake as a person runs it."""

import getpass
import gzip
import hashlib
import json
import re
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT, TINY_RUNS, TINY_STUDIES, Checkout, idx_bytes

from latent_atlas.config.battery import BATTERY
from latent_atlas.files import read_table, read_table_metadata, read_tensors

STUDY = "config/studies/auto_decoder.yaml"
CLOCKED = {
    "results/costs.parquet",
    "results/provenance.parquet",
    "results/claims.parquet",
    "results/report.html",
    "results/figures/auto_decoder/numbers.json",
    "results/figures/tuned_autoencoder/numbers.json",
}


def ran(run) -> set[str]:
    """Rules that a (dry) run has run, from Snakemake's job table."""
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", run.stdout + run.stderr, re.S)
    return {line.split()[0] for line in table[1].splitlines()} - {"total"} if table else set()


def test_metrics_are_tidy_and_say_where_they_come_from(finished):
    path = finished.folder / "results/metrics.parquet"
    metrics = read_table(path)
    assert list(metrics.columns) == [
        "experiment",
        "seed",
        "dataset",
        "split",
        "metric",
        "value",
        "unit",
        "reason",
    ]
    assert set(metrics.experiment) == TINY_RUNS
    assert set(metrics.seed) == {0, 1}
    assert not metrics.duplicated(["experiment", "seed", "split", "metric"]).any()
    assert (np.isfinite(metrics.value) == (metrics.reason == "")).all()
    of_gan = metrics[metrics.experiment == "gan-mnist-coded"].set_index("metric").reason
    assert "training learns no codes" in of_gan["mixture_kid"].iloc[0]
    classified = {"cl", "cnn-augmented", "ae-search", "fnn-sizes", "fnn-grid"}
    found = metrics.groupby("experiment").metric.agg(set)
    for experiment in TINY_RUNS - classified:
        assert found[experiment] >= set(BATTERY), experiment
    sources = read_table_metadata(path)["sources"]
    for path, source in sources.items():
        own = {"layer", "weights_sha256"} if "quality" in path else {"test_rows"}
        own |= {"features"} if "/runs/" in path else set()
        assert {"configuration", "train_data", "torch", "device"} | own <= set(source)
    by_class = metrics[metrics.metric.str.startswith("reconstruction_mse/")]
    by_class = by_class[by_class.split != "validation"]
    by_class = by_class[by_class.experiment != "gan-mnist-coded"]  # codes of few images
    assert by_class.groupby(["experiment", "seed", "split"]).size().eq(10).all()


def test_spoilt_images_are_reconstructed_by_whatever_encodes(finished):
    metrics = read_table(finished.folder / "results/metrics.parquet")
    test = metrics[metrics.split == "test"]
    table = test.pivot(index=["experiment", "seed"], columns="metric", values="value")
    spoilt = table[[name for name in table if name.startswith("corrupted_mse/")]].dropna()
    encoding = {"ae-tuned", "ae-here", "vad-coded-uniform", "vae-butterfly-short", "fnn", "cnn"}
    assert set(spoilt.index.get_level_values(0)) == encoding | {"simple-mnist-sum", "high-cifar"}
    clean = table.loc[spoilt.index]
    mse = clean.reconstruction_mse
    np.testing.assert_allclose(spoilt["corrupted_mse/clean"], mse, rtol=1e-4)
    assert spoilt.shape[1] == 1 + 4 + 4 + 5 + 3 * 4
    assert (clean["control_corrupted_mse/clean"] == 0).all()
    agreement = clean["corrupted_agreement/clean"], clean.test_label_agreement
    np.testing.assert_allclose(*agreement, atol=1e-9)


def test_metrics_of_classes_average_to_the_whole(finished):
    metrics = read_table(finished.folder / "results/metrics.parquet")
    one = metrics[(metrics.experiment == "ad") & (metrics.seed == 0) & (metrics.split == "train")]
    values = one.set_index("metric").value
    by_class = values[values.index.str.startswith("reconstruction_mse/")]
    assert by_class.mean() == pytest.approx(values["reconstruction_mse"], rel=1e-5)


def test_runs_keep_the_contract(finished):
    run = finished.folder / "results/runs/vad-gaussian"
    weights = read_tensors(run / "weights.safetensors")
    assert all(len(tensor) == 2 for tensor in weights.values())
    assert weights["latents.train"].shape == (2, 40, 64)
    latents = read_tensors(run / "latents/test.safetensors")
    assert latents["mean"].shape == latents["logvar"].shape == (2, 30, 64)
    assert latents["labels"].shape == (2, 30)
    history = read_table(run / "history.parquet")
    assert list(history.columns) == [
        "experiment",
        "seed",
        "epoch",
        "step",
        "split",
        "term",
        "value",
    ]
    assert history.groupby(["seed", "term"]).size().eq(4).all()
    assert not any("time" in name or "second" in name for name in history.columns)


def test_claims_are_all_there(finished):
    claims = read_table(finished.folder / "results/claims.parquet")
    declared = [
        claim["id"]
        for study in TINY_STUDIES
        for claim in yaml.safe_load((finished.folder / f"config/studies/{study}.yaml").read_text())[
            "claims"
        ]
    ]
    assert list(dict.fromkeys(claims.claim)) == declared
    assert not claims.verdict.isna().any()
    assert (claims.reason != "").all()


def test_figures_have_sidecars_that_name_real_inputs(finished):
    figures = sorted((finished.folder / "results/figures/auto_decoder").glob("*.json"))
    assert len(figures) >= 10
    for sidecar in figures:
        described = json.loads(sidecar.read_text())
        for path, digest in described["inputs"].items():
            content = (finished.folder / path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest
        assert described["command"].startswith("snakemake --cores 1 results/figures/")
        assert described["shows"]
        assert sidecar.with_suffix(".svg").stat().st_size > 1000
        assert sidecar.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_pages_are_self_contained_and_name_no_folder(finished):
    for name in ("report", "explorer"):
        page = (finished.folder / f"results/{name}.html").read_text()
        assert not re.search(r'(?:src|href)="(?!data:|#|explorer.html)', page)
        assert "@import" not in page
        assert not re.search(r"[\s:,]url\(", page)
        assert str(finished.folder) not in page


def test_the_page_has_every_claim_figure_and_section(finished):
    page = (finished.folder / "results/report.html").read_text()
    for heading in ("Every claim", "One battery", "Figures", "leaves open", "Costs", "Provenance"):
        assert heading in page
    study = yaml.safe_load((finished.folder / STUDY).read_text())
    for claim in study["claims"]:
        assert f'id="run-{claim["id"]}-0"' in page
    for sidecar in (finished.folder / "results/figures").glob("*/*.json"):
        assert f'id="run-{sidecar.parent.name}-{sidecar.stem}"' in page


def test_a_second_run_does_nothing(tiny):
    run = tiny.snakemake()
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout + run.stderr


def test_one_deleted_figure_is_rebuilt_alone(tiny):
    figure = tiny.folder / "results/figures/auto_decoder/fig1.png"
    before = figure.read_bytes()
    figure.unlink()
    run = tiny.snakemake("results/figures/auto_decoder/fig1.png")
    assert run.returncode == 0, run.stderr
    assert ran(run) == {"figure"}
    assert figure.read_bytes() == before


def test_a_figure_that_this_scale_cannot_draw_is_refused(tiny):
    run = tiny.snakemake("results/figures/auto_decoder/search.png")
    assert run.returncode != 0
    assert "MissingRuleException" in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_edits_rerun_what_they_touch_and_no_more(tiny):
    def edit(file, old, new):
        path = tiny.folder / "workflow/latent_atlas" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    edit("training/loop.py", '"""Training:', '# a remark\n"""Training, reworded:')
    assert "Nothing to be done" in "".join(tiny.snakemake("-n").stdout)
    edit("figures/style.py", '"font.size": 9', '"font.size": 8')
    assert ran(tiny.snakemake("-n")) == {"figure", "page", "explorer", "all"}
    edit("evaluation/paths.py", "1e-6", "1e-7")
    assert "train" not in ran(tiny.snakemake("-n"))
    assert "evaluate" in ran(tiny.snakemake("-n"))


@pytest.mark.slow
def test_two_runs_give_equal_bytes(finished, checkout):
    """One with a job for every experiment and figure, one with a job for a whole study's."""
    checkout.make_tiny()
    checkout.edit("config/config.yaml", seeds=2, job_takes="study")
    run = checkout.snakemake()
    assert run.returncode == 0, run.stderr
    assert {"train_auto_decoder", "figure_colour_images"} <= ran(run)
    assert not {"train", "classify", "latents", "embed", "evaluate", "figure"} & ran(run)
    assert checkout.python("latent_atlas", "verify").returncode == 0
    first, second = finished.files(), checkout.files()
    assert first.keys() == second.keys()
    differing = {name for name in first if first[name] != second[name]}
    assert {name for name in differing if not name.endswith("/costs.parquet")} <= CLOCKED
    one, other = (read_table(run.folder / "results/claims.parquet") for run in (finished, checkout))
    untimed = one.metric != "train_seconds"
    assert one[untimed].to_json() == other[untimed].to_json()


def test_nothing_tells_where_or_by_whom_it_was_made(finished):
    private = [str(finished.folder), str(Path.home()), sys.prefix]
    private += [name for name in (socket.gethostname(), getpass.getuser()) if len(name) > 5]
    for path in (finished.folder / "results").rglob("*"):
        if path.is_file():
            told = read_table(path).to_json() if path.suffix == ".parquet" else ""
            told += path.read_bytes().decode("latin-1")
            assert [word for word in private if word in told] == [], path


@pytest.mark.slow
def test_more_seeds_keep_the_old_ones_results(finished, checkout):
    """A seed's numbers do not depend on the seeds beside it, whatever the family."""
    checkout.make_tiny()
    some = (
        "ad,vad-gaussian,ae-tuned,cl,gan-mnist-coded,vae-butterfly-short,fnn,fnn-sizes,high-cifar"
    )
    run = checkout.snakemake("metrics", "--config", "seeds=[1]", f"only=[{some}]")
    assert run.returncode == 0, run.stderr
    two = read_table(finished.folder / "results/metrics.parquet")
    one = read_table(checkout.folder / "results/metrics.parquet")
    assert set(one.experiment) == set(some.split(","))
    merged = one.merge(two, on=["experiment", "seed", "split", "metric"], suffixes=("", "_two"))
    assert len(merged) == len(one)
    np.testing.assert_allclose(merged.value, merged.value_two, rtol=1e-6, atol=1e-9)


def test_more_seeds_train_only_the_new_ones(tiny):
    weights, sweep = (
        "results/runs/ad/weights.safetensors",
        "results/sweeps/fnn-sizes/metrics.parquet",
    )
    before = read_tensors(tiny.folder / weights)
    run = tiny.snakemake(weights, sweep, "--config", "seeds=3")
    assert run.returncode == 0, run.stderr
    log = (tiny.folder / "results/logs/train/ad.log").read_text()
    assert "training seeds [2]; kept: [0, 1]" in log
    log = (tiny.folder / "results/logs/sweep/fnn-sizes.log").read_text()
    assert "training seeds [['2', 2], ['5', 2], ['10', 2], ['20', 2]," in log
    after = read_tensors(tiny.folder / weights)
    for name, array in before.items():
        assert np.array_equal(after[name][:2], array), name
        assert len(after[name]) == 3


@pytest.mark.slow
def test_five_seeds_after_three_train_two_and_change_verdicts(tiny):
    for seeds in (3, 5):
        settings = (f"seeds={seeds}", "only=[ad,vad-gaussian]")
        run = tiny.snakemake("results/claims.parquet", "--config", *settings)
        assert run.returncode == 0, run.stderr
        shutil.copy(tiny.folder / "results/claims.parquet", tiny.folder / f"{seeds}.parquet")
    log = (tiny.folder / "results/logs/train/ad.log").read_text()
    assert "training seeds [3, 4]; kept: [0, 1, 2]" in log
    told = tiny.python("latent_atlas", "compare", "3.parquet", "5.parquet", "--json")
    rows = json.loads(told.stdout)
    assert told.returncode == bool(rows) == 1
    assert {(row["seeds_first"], row["seeds_second"]) for row in rows} == {(3, 5)}
    assert all(row["first"] != row["second"] for row in rows)


def test_jobs_that_share_seeds_and_points_give_the_same_bytes(finished, checkout):
    checkout.make_tiny()
    made = ["results/runs/ad/weights.safetensors", "results/runs/ad/history.parquet"]
    made += ["results/sweeps/fnn-grid/metrics.parquet"]
    shared = ("seeds=2", "max_jobs=2", "max_seeds_per_job=1")
    run = checkout.snakemake(*made, "--config", *shared)
    assert run.returncode == 0, run.stderr
    whole = finished.files()
    for file in made:
        assert checkout.files(file)[file] == whole[file], file
    log = (checkout.folder / "results/logs/train_part/ad/1.log").read_text()
    assert "training seeds [1]; kept: none" in log
    assert "training" not in (checkout.folder / "results/logs/train/ad.log").read_text()
    parts = checkout.folder.glob("results/sweeps/fnn-grid/part-*.json")
    members = [json.loads(part.read_text())["members"] for part in sorted(parts)]
    assert [len(of_part) for of_part in members] == [9, 9]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--config", "max_jobs=2"), ("key max_jobs", "set job_takes to experiment")),
        (("--config", "seeds=[]"), ("key seeds", "found []")),
        (("--config", "sedes=3"), ("unknown key 'sedes'", "did you mean 'seeds'")),
        (("--config", "studies=[unknown]"), ("unknown study 'unknown'",)),
    ],
)
def test_bad_settings_end_in_one_message(checkout, arguments, words):
    run = checkout.snakemake(*arguments)
    assert run.returncode != 0
    for word in words:
        assert (run.stdout + run.stderr).count(word) == 1
    assert not (checkout.folder / "results").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"experiments": {"ad": {"training": {"learning_rate": -0.001}}}}, ("-0.001",)),
        ({"experiments": {"ad": {"dataset": "no-such"}}}, ("unknown 'no-such'",)),
    ],
)
def test_a_bad_study_ends_in_one_message(checkout, change, words):
    checkout.edit(STUDY, **change)
    run = checkout.snakemake()
    assert run.returncode != 0
    for word in (STUDY, "experiments.ad", *words):
        assert word in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert not (checkout.folder / "results").exists()


DATASET = "config/datasets/fashion-mnist.yaml"


def mirrored(checkout: Checkout, spoil) -> tuple:
    """Fetch a 30 + 20 image stand-in for Fashion-MNIST from a mirror that `spoil` has touched."""
    folder = checkout.folder / "mirror/fashion-mnist"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    payloads = {
        f"{split}_{role}": idx_bytes(array)
        for split, n in (("train", 30), ("test", 20))
        for role, array in (
            ("images", rng.integers(0, 256, (n, 28, 28))),
            ("labels", np.arange(n) % 10),
        )
    }
    spoil_payload, spoil_file = spoil
    spoil_payload(payloads)
    config = yaml.safe_load((checkout.folder / DATASET).read_text())
    files = config["source"]["files"]
    for role, payload in payloads.items():
        files[role]["sha256"] = hashlib.sha256(payload).hexdigest()
        (folder / files[role]["name"]).write_bytes(gzip.compress(payload))
    spoil_file(folder)
    source = {"files": files, "addresses": ["http://127.0.0.1:9/nowhere"]}
    checkout.edit(DATASET, source=source, sizes={"train": 30, "test": 20})
    run = checkout.snakemake(
        "results/datasets/fashion-mnist/train.safetensors",
        LATENT_ATLAS_MIRROR=str(folder.parent),
    )
    return run, checkout.folder / "results/datasets/fashion-mnist"


def nothing(_):
    pass


def test_a_whole_mirror_is_read(checkout):
    run, folder = mirrored(checkout, (nothing, nothing))
    assert run.returncode == 0, run.stderr
    assert read_tensors(folder / "test.safetensors")["images"].shape == (20, 1, 28, 28)


IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def truncate(folder):
    path = folder / IMAGES
    path.write_bytes(path.read_bytes()[:-100])


def flip(folder):
    payload = bytearray(gzip.decompress((folder / IMAGES).read_bytes()))
    payload[500] ^= 1
    (folder / IMAGES).write_bytes(gzip.compress(bytes(payload)))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ((nothing, truncate), (IMAGES, "truncated")),
        ((nothing, flip), (IMAGES, "SHA-256")),
        ((nothing, lambda folder: (folder / LABELS).unlink()), (LABELS, "no such file")),
        (
            (lambda payloads: payloads.update(train_labels=idx_bytes(np.arange(29) % 10)), nothing),
            ("train split", "30 images but 29 labels"),
        ),
    ],
    ids=["truncated", "changed byte", "missing file", "label count"],
)
def test_bad_data_ends_in_one_message_and_writes_nothing(checkout, spoil, words):
    run, folder = mirrored(checkout, spoil)
    assert run.returncode != 0
    log = (checkout.folder / "results/logs/dataset/fashion-mnist.log").read_text()
    for word in words:
        assert word in log
        assert word in run.stdout + run.stderr
    assert "Traceback" not in log
    assert not [path for path in folder.glob("*") if path.is_file()]


def test_every_rule_is_documented_and_bounded():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"(?m)^rule ", path.read_text())[1:]:
            for part in ('"""', "output:", "log:", "benchmark:", "threads:", "resources:"):
                assert part in rule, f"{path.name}: {rule.splitlines()[0]} {part}"
