"""Arrays over the budget lie in files and hold the same."""

import subprocess
import sys

import numpy as np
import pytest

from latent_atlas import memory
from latent_atlas.files import read_tensors, write_tensors
from latent_atlas.training.loop import SeedImages


@pytest.fixture
def no_room(monkeypatch):
    monkeypatch.setattr(memory, "_budget", 0)


def test_gathered_rows_are_the_rows(no_room):
    array = np.arange(60).reshape(20, 3)
    rows = np.array([[3, 0, 19], [5, 5, 1]])
    found = memory.gathered(array, rows)
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, array[rows])


def test_mapped_tensors_are_those_read(tmp_path, monkeypatch):
    rng, path = np.random.default_rng(0), tmp_path / "some.safetensors"
    tensors = {
        "images": rng.integers(0, 256, (5, 1, 4, 4), dtype=np.uint8),
        "labels": rng.integers(0, 9, 5),
        "values": rng.standard_normal((5, 2), np.float32),
    }
    write_tensors(path, tensors)
    read = read_tensors(path)
    monkeypatch.setattr(memory, "_budget", 0)
    mapped = read_tensors(path)
    for name, array in tensors.items():
        for found in (read[name], mapped[name]):
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)


def test_images_over_the_budget_give_the_same_batches(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 6, 6), dtype=np.uint8)
    rows = np.array([[1, 5, 7], [2, 0, 19]])
    in_memory = SeedImages.select(images, rows, "cpu")
    monkeypatch.setattr(memory, "_budget", 0)
    in_file = SeedImages.select(images, rows, "cpu")
    assert (in_memory.pixels == in_file.pixels).all()
    assert in_memory.pixels.dtype == in_file.pixels.dtype


LIMITED = """
import resource, sys
import numpy as np
from latent_atlas import memory
from latent_atlas.files import read_tensors
from latent_atlas.training.loop import SeedImages
memory.set_budget(float(sys.argv[2]))
used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + 100 * 2**20,) * 2)
images = read_tensors(sys.argv[1])["images"]
chosen = SeedImages.select(images, np.arange(len(images) - 1)[None], "cpu")
print(int(chosen.pixels[0, -1].sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory as Linux does")
@pytest.mark.parametrize(("budget", "fits"), [(1, True), (10_000, False)])
def test_a_set_of_images_larger_than_the_memory(tmp_path, budget, fits):
    """300 MB of images where 100 MB may be allocated."""
    path = tmp_path / "images.safetensors"
    images = np.ones((100_000, 3, 32, 32), np.uint8)
    write_tensors(path, {"images": images})
    command = [sys.executable, "-c", LIMITED, str(path), str(budget)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode == 0) is fits, run.stderr
    if fits:
        assert run.stdout.strip() == "3072"


PEAKS = """
import subprocess, sys
held = b"x" * 2**29
child = "from latent_atlas.memory import peak_mib; print(peak_mib())"
subprocess.run([sys.executable, "-c", child], check=True)
from latent_atlas.memory import peak_mib
print(peak_mib())
"""


def test_peak_memory_is_of_the_process_alone():
    run = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    child, parent = map(float, run.stdout.split())
    assert child < 256 < 512 < parent
