"""`python -m latent_atlas verify`: what no longer comes from what is here."""

import json

import pytest

from latent_atlas.report.verify import differences


def test_differences_name_keys_and_values():
    then = {"run": {"epochs": 3, "model": {"latent": 2}}, "seeds": [0, 1]}
    now = {"run": {"epochs": 4, "model": {"latent": 2}}, "seeds": [0], "device": "cpu"}
    assert differences(then, now) == [
        'device null → "cpu"',
        "run.epochs 3 → 4",
        "seeds [0, 1] → [0]",
    ]
    assert differences(then, then) == []
    assert differences({"text": "x" * 60}, {"text": "y"})[0].endswith('… → "y"')


@pytest.fixture
def verified(tiny):
    """Verify's exit status and its lines by what they are of."""

    def run(*arguments):
        done = tiny.python("latent_atlas", "verify", *arguments)
        assert "Traceback" not in done.stderr
        lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        return done.returncode, lines, done

    return run


def test_a_finished_run_comes_from_what_is_here(verified):
    status, lines, done = verified()
    assert (status, lines) == (0, {}), done.stdout
    assert done.stdout == "everything comes from the present code, configuration and data\n"


def test_files_that_changed_went_or_came(tiny, verified):
    (tiny.folder / "results/runs/ad/weights.safetensors").write_bytes(b"other")
    (tiny.folder / "results/figures/auto_decoder/numbers.png").unlink()
    (tiny.folder / "results/runs/ad/stray.parquet").write_bytes(b"")
    before = tiny.files()
    status, lines, _ = verified()
    assert status == 1
    assert lines["train ad"] == "results/runs/ad/weights.safetensors was changed afterwards"
    assert "its input results/runs/ad/weights.safetensors is not the one" in lines["latents ad"]
    assert lines["figure auto_decoder numbers"].endswith("numbers.png is gone")
    assert lines["results/runs/ad/stray.parquet"] == "no job that is recorded has made it"
    assert lines["judge"].startswith("made from what ")
    assert "train vad-gaussian" not in lines
    assert tiny.files() == before


def test_code_and_configuration_that_changed(tiny, verified):
    path = tiny.folder / "workflow/latent_atlas/evaluation/paths.py"
    path.write_text(path.read_text().replace("1e-6", "1e-7"))
    some = {"train": 39, "experiments": ["ad", "vad-gaussian", "vad-coded-uniform"]}
    tiny.edit("config/studies/auto_decoder.yaml", small=some)
    status, lines, _ = verified()
    assert status == 1
    assert "run.subset.train 40 → 39" in lines["train ad"]
    assert "the code has changed" not in lines["train ad"]
    assert lines["train ad-coded"] == "the configuration no longer has it"
    assert lines["evaluate fnn"] == "the code has changed: latent_atlas/evaluation/paths.py"
    assert "train fnn" not in lines
    assert lines["latents ad"].startswith("the configuration has changed")
    assert verified("--config", "seeds=1")[1]["train fnn"].endswith("seeds [0, 1] → [0]")


def test_a_manifest_that_is_none(tiny, verified):
    path = tiny.folder / "results/manifests/train/ad.json"
    path.write_text("[]")
    status, _, done = verified()
    assert status == 2
    assert "train/ad.json: not a manifest" in done.stderr


def test_nothing_recorded(checkout):
    done = checkout.python("latent_atlas", "verify")
    assert done.returncode == 2
    assert "run snakemake first" in done.stderr


def test_a_manifest_names_everything_that_a_job_came_from(finished):
    path = finished.folder / "results/manifests/evaluate/fnn.json"
    manifest = json.loads(path.read_text())
    assert set(manifest) == {"rule", "wildcards", "spec", "code", "inputs", "outputs"}
    assert "results/runs/fnn/weights.safetensors" in manifest["inputs"]
    assert manifest["spec"]["run"]["id"] == "fnn"
