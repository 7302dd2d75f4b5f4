"""Jobs of one machine never share a GPU; two are pretended by the variable that names them."""

import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT

JOB = """
import os, sys, time
from pathlib import Path
from latent_atlas.gpu import VISIBLE, take_gpu
take_gpu(int(sys.argv[2]))
name = os.environ[VISIBLE]
held = Path(sys.argv[1], name)
held.touch(exist_ok=False)
print(name, flush=True)
time.sleep(float(sys.argv[3]))
held.unlink()
"""


@pytest.fixture
def start(tmp_path):
    """Start a job that holds its GPU for some seconds and fails where another holds it too."""
    (tmp_path / "held").mkdir()
    (tmp_path / "tmp").mkdir()
    started = []

    def one(visible="0,1", installed=0, seconds=0.5) -> subprocess.Popen:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT / "workflow"),
            "TMPDIR": str(tmp_path / "tmp"),
            "CUDA_VISIBLE_DEVICES": visible,
        }
        command = [sys.executable, "-c", JOB, tmp_path / "held", str(installed), str(seconds)]
        job = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(job)
        return job

    yield one
    for job in started:
        job.kill()
        job.wait()
        job.stdout.close()


def names(jobs: list[subprocess.Popen]) -> list[str]:
    return [job.stdout.readline().strip() for job in jobs]


def test_four_jobs_take_turns_on_two_gpus(start):
    jobs = [start() for _ in range(4)]
    assert sorted(names(jobs)) == ["0", "0", "1", "1"]
    assert [job.wait() for job in jobs] == [0, 0, 0, 0]


def test_a_killed_holders_gpu_is_free_again(start, tmp_path):
    holders = [start(seconds=60), start(seconds=60)]
    first, _ = names(holders)
    waiting = start()
    time.sleep(2)
    assert waiting.poll() is None
    (tmp_path / "held" / first).unlink()
    holders[0].kill()
    assert names([waiting]) == [first]
    assert waiting.wait() == 0


def test_one_that_is_named_is_left_as_it_is_and_shared(start, tmp_path):
    (first,) = names([start(visible="MIG-3", seconds=60)])
    (tmp_path / "held" / first).unlink()
    assert (first, *names([start(visible="MIG-3")])) == ("MIG-3", "MIG-3")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_the_variable_all_that_are_installed_are_used(start):
    assert set(names([start(visible="", installed=2), start(visible="", installed=2)])) == {
        "0",
        "1",
    }
