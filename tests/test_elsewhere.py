"""Where there is no checkout, no shared disk, no environment: as a module, from a wheel, on
Kubernetes, in a container."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Checkout

pytestmark = pytest.mark.slow
OWN = """\
configfile: "config/config.yaml"

module atlas:
    snakefile: {snakefile}
    config: config

use rule * from atlas as atlas_*

rule summary:
    default_target: True
    input: "{results}/report.html"
    output: "summary.txt"
    shell: "wc -c {{input}} > {{output}}"
"""


def own_workflow(folder: Path, snakefile: str, results="results") -> Checkout:
    """Another workflow that takes this one as a module."""
    (folder / "config").mkdir(parents=True)
    settings = {"results": results, "seeds": 2, "studies": ["auto_decoder"], "feature_steps": 10}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "Snakefile").write_text(OWN.format(snakefile=snakefile, results=results))
    return Checkout.at(folder)


def succeeded(run: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
    assert run.returncode == 0, run.stderr[-3000:]
    return run


def test_another_workflow_takes_this_one_as_a_module(tmp_path):
    """Its configuration stands over ours; its rules have other names."""
    own = own_workflow(tmp_path / "own", repr(str(ROOT / "Snakefile")), "deep/results")
    succeeded(own.snakemake(PYTHONPATH=str(ROOT / "workflow")))
    assert int((own.folder / "summary.txt").read_text().split()[0]) > 100_000
    manifest = json.loads((own.folder / "deep/results/manifests/judge.json").read_text())
    assert manifest["rule"] == "judge"
    assert manifest["spec"]["seeds"] == [0, 1]
    assert not (own.folder / "results").exists()
    assert "Nothing to be done" in own.snakemake(PYTHONPATH=str(ROOT / "workflow")).stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The package as its wheel installs it, away from any checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = Checkout(folder / "source").folder
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        shutil.copy(ROOT / name, source / name)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder]
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, *build, source], check=True)
    (wheel,) = folder.glob("*.whl")
    installed = ["install", "--no-deps", "--no-index", "--target", folder / "site", wheel]
    subprocess.run([*pip, *installed], check=True)
    return folder / "site"


def test_a_deployed_workflow_needs_the_wheel_alone(site, tmp_path):
    """As snakedeploy leaves it: rules and scripts from the repository's history, its `config/`
    copied, the package installed."""
    repository = Checkout(tmp_path / "repository")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(repository.folder)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    file = f'gitfile("{repository.folder}", path="workflow/Snakefile", tag="v1")'
    own = own_workflow(tmp_path / "own", file)
    settings = (own.folder / "config/config.yaml").read_text()
    shutil.copytree(ROOT / "config", own.folder / "config", dirs_exist_ok=True)
    shutil.copytree(ROOT / "profiles", own.folder / "profiles")
    (own.folder / "config/config.yaml").write_text(settings)
    succeeded(own.snakemake(PYTHONPATH=str(site)))
    assert (own.folder / "summary.txt").exists()
    shutil.rmtree(own.folder / "config/studies")
    assert "Nothing to be done" in own.snakemake(PYTHONPATH=str(site)).stderr, "the wheel's own"


@pytest.mark.skipif(not shutil.which("rsync"), reason="needs rsync, as the storage plugin does")
@pytest.mark.parametrize("takes", ["study", "experiment"])
def test_jobs_need_no_disk_in_common(checkout, tmp_path, takes):
    """As on Kubernetes: every job gets its inputs from a storage and leaves its outputs there."""
    storage = tmp_path / "storage"
    apart = ["--shared-fs-usage", "none", "--default-storage-provider", "fs"]
    apart += ["--default-storage-prefix", str(storage)]
    settings = ("studies=[auto_decoder]", "seeds=1", f"job_takes={takes}", "feature_steps=10")
    small = {"train": 40, "test": 30, "epochs_factor": 0.01, "experiments": ["ad", "vad-gaussian"]}
    checkout.edit("config/studies/auto_decoder.yaml", small=small)
    succeeded(checkout.snakemake(*apart, "--config", *settings))
    assert (storage / "results/report.html").stat().st_size > 100_000


@pytest.mark.skipif(not shutil.which("rsync"), reason="needs rsync, as the storage plugin does")
def test_kubernetes_profile_is_planned(checkout):
    run = succeeded(checkout.snakemake("-n", "--profile", "profiles/kubernetes"))
    assert "gpu_manufacturer=nvidia" in run.stdout
    assert "train_auto_decoder" in run.stdout


APPTAINER = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
  --version) echo "apptainer version 1.3.0" ;;
  exec) while [ "$1" != sh ] && [ "$1" != bash ]; do shift; done; exec "$@" ;;
esac
"""


def test_jobs_run_in_the_image_that_the_configuration_names(checkout, tmp_path):
    """An apptainer that runs the command it is given, and writes down what it was asked."""
    program, log, image = tmp_path / "bin/apptainer", tmp_path / "log", tmp_path / "atlas.sif"
    program.parent.mkdir()
    program.write_text(APPTAINER.format(log=log))
    program.chmod(0o755)
    image.touch()
    data = "results/datasets/digits/train.safetensors"
    places = [str(program.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    path = os.pathsep.join(places)
    config = ("--config", f"container={image}")
    succeeded(checkout.snakemake(data, "--sdm", "apptainer", *config, PATH=path))
    assert (checkout.folder / data).exists()
    assert str(image) in log.read_text()
