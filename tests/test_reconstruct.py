"""MATLAB files in and out: `python -m latent_atlas reconstruct`."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_array

from latent_atlas.__main__ import main
from latent_atlas.errors import InputError
from latent_atlas.exchange.matlab import layout

EXPERIMENT = "simple-mnist-sum"
N = 30
ORIENTATIONS = {
    "NP": lambda images: images.reshape(N, 784),
    "PN": lambda images: images.reshape(N, 784).T,
    "NHW": lambda images: images,
    "HWN": lambda images: images.transpose(1, 2, 0),
}


@pytest.fixture(scope="module")
def digits():
    """Float images [N,28,28] in [0, 1], each different, and labels [N,1]."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (N, 28, 28)) / 255, (np.arange(N) % 10)[:, None]


def save(path, version, contents):
    if version == "v7":
        savemat(path, contents, do_compression=True)
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in contents.items():
            file[name] = np.ascontiguousarray(np.asarray(array).T)
    return path


def load(path):
    if not h5py.is_hdf5(path):
        return {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    with h5py.File(path) as file:
        return {name: item[()].T for name, item in file.items()}


def run(checkout, *arguments):
    """Status, output and errors of the command, given in the checkout's folder."""
    printed, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(checkout.folder),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(errors),
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(sys, "argv", ["latent_atlas", "reconstruct", *map(str, arguments)])
        try:
            main()
        except SystemExit as exit:
            return exit.code, printed.getvalue(), f"{errors.getvalue()}\n{exit.code}"
    return 0, printed.getvalue(), errors.getvalue()


def reconstructed(checkout, path, *more):
    status, printed, errors = run(checkout, path, "--experiment", EXPERIMENT, *more)
    assert status == 0, errors
    return load(path.with_name(f"recon_{path.name}")), printed


@pytest.fixture(scope="module")
def expected(finished, digits, tmp_path_factory):
    """Reconstructions [N,784] of the digits as the first file gives them."""
    path = save(tmp_path_factory.mktemp("mat") / "a.mat", "v7", {"input_images": digits[0]})
    found, _ = reconstructed(finished, path)
    images = found["input_images"].reshape(N, 784)
    assert images.std(0).max() > 0, "not one image for all"
    return images


@pytest.mark.parametrize("version", ["v7", "v7.3"])
@pytest.mark.parametrize("axes", ["PN", "HWN"])
@pytest.mark.parametrize("kind", ["uint8", "float64"])
def test_shape_type_labels_and_order_are_kept(
    finished, digits, expected, tmp_path, version, axes, kind
):
    images = ORIENTATIONS[axes](digits[0])
    images = np.rint(images * 255).astype(np.uint8) if kind == "uint8" else images
    contents = {"input_images": images, "output_labels": digits[1]}
    path = save(tmp_path / "MNIST.mat", version, contents)
    found, printed = reconstructed(finished, path)
    assert found["input_images"].shape == images.shape
    assert found["input_images"].dtype == images.dtype
    assert (found["output_labels"] == digits[1]).all()
    scale, tolerance = (255, 0.51) if kind == "uint8" else (1, 1e-5)
    wanted = ORIENTATIONS[axes](expected.reshape(N, 28, 28)) * scale
    np.testing.assert_allclose(found["input_images"], wanted, atol=tolerance)
    mse = ((expected - digits[0].reshape(N, 784)) ** 2).mean()
    assert f"MSE {mse:.3f} over {N} images" in printed
    assert f"{N} images as {axes}, {kind}, 0 to {scale}" in printed
    assert re.search(r"min 0\.\d+ \(image \d+\), median", printed)


def test_a_73_file_begins_as_matlab_wants(finished, digits, tmp_path):
    path = save(tmp_path / "a.mat", "v7.3", {"input_images": digits[0]})
    reconstructed(finished, path)
    head = (tmp_path / "recon_a.mat").read_bytes()[:128]
    assert head.startswith(b"MATLAB 7.3 MAT-file")
    assert head[124:] == b"\x00\x02IM"


@pytest.mark.parametrize(
    ("shape", "axes", "found"),
    [
        ((5, 784), None, "NP"),
        ((784, 5), None, "PN"),
        ((1, 28, 28), None, "NHW"),
        ((28, 28, 1), None, "HWN"),
        ((784, 784), "PN", "PN"),
        ((28, 28, 28), "NHW", "NHW"),
    ],
)
def test_layouts(shape, axes, found):
    assert layout(shape, axes, "x") == found


@pytest.mark.parametrize(
    ("shape", "axes", "words"),
    [
        ((784, 784), None, ("784 × 784", "NP or PN", "--axes")),
        ((28, 28, 28), None, ("NHW or HWN", "--axes")),
        ((3, 5), None, ("found 3 × 5", "N × 784")),
        ((28, 28), None, ("found 28 × 28", "28 × 28 × N")),
        ((0, 784), None, ("empty",)),
        ((5, 784), "PN", ("5 × 784", "--axes says PN")),
    ],
)
def test_layouts_that_are_refused(shape, axes, words):
    with pytest.raises(InputError) as caught:
        layout(shape, axes, "MNIST.mat: input_images")
    for word in ("MNIST.mat: input_images", *words):
        assert word in str(caught.value)


def spoilt(version):
    """File name → (contents or bytes, words of the message)."""
    images = np.zeros((4, 784))
    holed = images.copy()
    holed[2, 7] = np.nan
    return {
        "key.mat": ({"images": images}, ("no array 'input_images'", "found images")),
        "empty.mat": ({"input_images": images[:0]}, ("empty",)),
        "nan.mat": ({"input_images": holed}, ("image 2", "NaN")),
        "complex.mat": ({"input_images": images + 1j}, ("complex", "allowed")),
        "range.mat": ({"input_images": images + 300}, ("300", "0 to 255")),
        "small.mat": ({"input_images": np.zeros((3, 5))}, ("3 × 5", "N × 784")),
    }


@pytest.mark.parametrize("version", ["v7", "v7.3"])
def test_each_fault_has_one_clear_message(finished, tmp_path, version):
    for name, (contents, words) in spoilt(version).items():
        refused(finished, save(tmp_path / name, version, contents), *words)


def refused(checkout, path, *words, more=()):
    before = set(path.parent.iterdir())
    status, _, message = run(checkout, path, "--experiment", EXPERIMENT, *more)
    assert status != 0
    for word in words:
        assert word in message, message
    assert set(path.parent.iterdir()) == before, "nothing half-written"


def test_a_sparse_matrix(finished, tmp_path):
    contents = {"input_images": csc_array(np.eye(5, 784))}
    refused(finished, save(tmp_path / "sparse.mat", "v7", contents), "a sparse matrix", "allowed")


def test_files_that_are_no_mat_files(finished, tmp_path):
    text = tmp_path / "text.mat"
    text.write_text("5.1,3.5,1.4\n" * 100)
    refused(finished, text, "text.mat", "not a readable .mat file")
    for version in ("v7", "v7.3"):
        images = np.random.default_rng(0).random((40, 784))
        path = save(tmp_path / f"cut-{version}.mat", version, {"input_images": images})
        path.write_bytes(path.read_bytes()[:-5000])
        refused(finished, path, path.name, "not a readable .mat file")
    refused(finished, tmp_path / "nowhere.mat", "nowhere.mat", "no such file")


def test_nothing_is_overwritten_unless_asked(finished, digits, tmp_path):
    path = save(tmp_path / "a.mat", "v7", {"input_images": digits[0]})
    output = tmp_path / "recon_a.mat"
    output.write_text("mine")
    refused(finished, path, "recon_a.mat", "--overwrite")
    assert output.read_text() == "mine"
    refused(finished, path, "a.mat", "exists", more=("--output", path, "--overwrite"))
    reconstructed(finished, path, "--overwrite")
    assert load(output)["input_images"].shape == digits[0].shape


def test_an_output_folder_that_cannot_be_written(finished, digits, tmp_path):
    path = save(tmp_path / "a.mat", "v7", {"input_images": digits[0]})
    (tmp_path / "file").write_text("a file where a folder is wanted")
    refused(finished, path, "cannot be written", more=("--output", tmp_path / "file/recon.mat"))
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        refused(finished, path, "cannot be written", more=("--output", tmp_path / "locked/r.mat"))


def test_experiments_that_cannot_be_used(finished, digits, tmp_path):
    path = save(tmp_path / "a.mat", "v7", {"input_images": digits[0]})
    status, _, message = run(finished, path, "--experiment", "high-cifar")
    assert status != 0
    assert "found 'high-cifar'; allowed: " in message
    assert EXPERIMENT in message.split("allowed: ")[1].splitlines()[0].split(", ")


def test_the_command_of_the_readme(finished, digits, tmp_path):
    save(tmp_path / "MNIST.mat", "v7", {"input_images": digits[0]})
    command = f"{sys.executable} -m latent_atlas reconstruct {tmp_path}/MNIST.mat"
    done = subprocess.run(
        [*command.split(), "--experiment", EXPERIMENT],
        cwd=finished.folder,
        env=os.environ | {"PYTHONPATH": str(finished.folder / "workflow")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "recon_MNIST.mat").is_file()
    assert "reconstruct: 100%" in done.stderr


@pytest.mark.skipif(shutil.which("octave-cli") is None, reason="Octave is not installed")
def test_octave_reads_what_it_wrote(finished, tmp_path):
    """A v7 file by Octave itself, and one of version 7.3: Octave reads the answers with the shapes
    that went in."""
    octave(tmp_path, "input_images = rand(28, 28, 7); output_labels = (1:7)'; save -v7 o.mat")
    reconstructed(finished, tmp_path / "o.mat")
    shape = "load recon_o.mat; printf('%d ', size(input_images), size(output_labels))"
    assert octave(tmp_path, shape).split() == ["28", "28", "7", "7", "1"]
    images = np.random.default_rng(0).random((7, 784))
    save(tmp_path / "h.mat", "v7.3", {"input_images": images})
    found, _ = reconstructed(finished, tmp_path / "h.mat")
    sums = "load recon_h.mat; printf('%d %d %.9g', size(input_images), input_images(2, 3))"
    rows, columns, value = octave(tmp_path, sums).split()
    assert (int(rows), int(columns)) == (7, 784)
    assert float(value) == pytest.approx(found["input_images"][1, 2], rel=1e-6)


def octave(folder, code):
    done = subprocess.run(
        ["octave-cli", "--eval", code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
