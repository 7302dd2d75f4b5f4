"""From files to splits: what is right is read, what is wrong is named."""

import gzip
import http.server
import threading

import numpy as np
import pytest
from conftest import idx_bytes

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Subset
from latent_atlas.config.loading import validated
from latent_atlas.datasets import fetch
from latent_atlas.datasets.build import build_dataset
from latent_atlas.datasets.digits import enlarge
from latent_atlas.datasets.idx import parse_idx
from latent_atlas.datasets.splits import read_split
from latent_atlas.datasets.subset import rows_hash, stratified_rows, subset_rows
from latent_atlas.errors import InputError
from latent_atlas.files import read_tensor_metadata


def build(config, mirror, folder):
    outputs = {split: folder / f"{split}.safetensors" for split in ("train", "test")}
    build_dataset(
        DatasetConfig.model_validate(config), mirror and str(mirror), folder / "downloads", outputs
    )
    return outputs


def refused(config, mirror, folder, *words):
    with pytest.raises(InputError) as caught:
        build(config, mirror, folder)
    for word in words:
        assert word in str(caught.value)
    assert not list(folder.glob("*.safetensors"))
    return str(caught.value)


def rewrite(mirror, config, role, payload):
    """Put another payload into the mirror, and its hash into the configuration."""
    import hashlib

    file = config["source"]["files"][role]
    (mirror / "tiny" / file["name"]).write_bytes(gzip.compress(payload))
    file["sha256"] = hashlib.sha256(payload).hexdigest()


def test_mirror_folder_to_splits(idx_mirror, tmp_path):
    mirror, config = idx_mirror
    outputs = build(config, mirror, tmp_path)
    images, labels = read_split(outputs["train"])
    assert images.shape == (12, 1, 28, 28)
    assert images.dtype == np.uint8
    assert labels.tolist() == [0, 1, 2] * 4
    metadata = read_tensor_metadata(outputs["train"])
    assert metadata["classes"] == ["a", "b", "c"]
    assert len(metadata["sha256"]) == 64


@pytest.fixture
def server(idx_mirror):
    """The mirror over HTTP; `server.cut` truncates every body."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(idx_mirror[0]))

        def copyfile(self, source, outputfile):
            body = source.read()
            outputfile.write(body[: len(body) // 2] if self.server.cut else body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.cut = False
        running.address = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_addresses_are_tried_in_turn_and_downloads_kept(idx_mirror, server, tmp_path):
    _, config = idx_mirror
    config["source"]["addresses"] = [f"{server.address}/nowhere", f"{server.address}/tiny"]
    outputs = build(config, None, tmp_path)
    first = outputs["test"].read_bytes()
    server.shutdown()
    server.server_close()
    assert build(config, None, tmp_path)["test"].read_bytes() == first


def test_an_interrupted_download_is_never_taken_for_a_whole_one(idx_mirror, server, tmp_path):
    _, config = idx_mirror
    config["source"]["addresses"] = [f"{server.address}/tiny"]
    server.cut = True
    refused(config, None, tmp_path, "train-images.gz", "tiny")
    server.cut = False
    assert build(config, None, tmp_path)["train"].is_file()


def test_truncated_file(idx_mirror, tmp_path):
    mirror, config = idx_mirror
    path = mirror / "tiny/train-images.gz"
    path.write_bytes(path.read_bytes()[:-20])
    refused(config, mirror, tmp_path, "train-images.gz", "truncated", "data_mirror")


def test_changed_byte(idx_mirror, tmp_path):
    mirror, config = idx_mirror
    path = mirror / "tiny/test-labels.gz"
    payload = bytearray(gzip.decompress(path.read_bytes()))
    payload[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(payload)))
    message = refused(config, mirror, tmp_path, "test-labels.gz", "SHA-256")
    assert config["source"]["files"]["test_labels"]["sha256"] in message
    assert path.is_file(), "a mirror's file is never deleted"


def test_gzip_that_unpacks_to_too_much(idx_mirror, tmp_path, monkeypatch):
    mirror, config = idx_mirror
    (mirror / "tiny/train-images.gz").write_bytes(gzip.compress(bytes(1001)))
    monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    refused(config, mirror, tmp_path, "train-images.gz", "unpacks to more than 1000 bytes")


@pytest.mark.parametrize("address", ["http://example.org/mnist", "ftp://example.org", "/etc"])
def test_only_https_is_downloaded_from(idx_mirror, address):
    _, config = idx_mirror
    config["source"]["addresses"] = [address]
    with pytest.raises(InputError, match=r"source\.idx\.addresses\.0.*https://"):
        validated(DatasetConfig, config, "tiny.yaml")


def test_mirror_without_the_file(idx_mirror, tmp_path):
    mirror, config = idx_mirror
    (mirror / "tiny/train-labels.gz").unlink()
    refused(config, mirror, tmp_path, "train-labels.gz", str(mirror), "no such file")


@pytest.mark.parametrize(
    ("role", "array", "words"),
    [
        ("train_labels", np.zeros(11), ("train", "12 images but 11 labels")),
        ("train_labels", np.arange(12), ("row 3", "label 3", "0 to 2")),
        ("test_images", np.zeros((6, 20, 20)), ("test", "1 × 20 × 20", "1 × 28 × 28")),
        ("test_images", np.zeros((5, 28, 28)), ("5 images but 6 labels",)),
    ],
)
def test_arrays_that_disagree_with_the_configuration(idx_mirror, tmp_path, role, array, words):
    mirror, config = idx_mirror
    rewrite(mirror, config, role, idx_bytes(array))
    refused(config, mirror, tmp_path, *words)


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"", "idx"),
        (b"\1\0\10\1\0\0\0\0", "two zero bytes"),
        (b"\0\0\15\1\0\0\0\1\0\0\0\0", "0x0d"),
        (b"\0\0\10\3\0\0", "cut short"),
        (b"\0\0\10\0", "0 axes"),
        (idx_bytes(np.zeros((3, 4)))[:-1], "3 × 4"),
        (idx_bytes(np.zeros((3, 4))) + b"x", "3 × 4"),
        (b"\0\0\x08\2" + 2 * b"\x80\0\0\0", "2147483648 × 2147483648"),
        (b"\0\0\x08\4" + 4 * b"\0\1\0\0", "65536 × 65536 × 65536 × 65536"),
    ],
)
def test_malformed_idx(payload, word):
    with pytest.raises(InputError, match=word):
        parse_idx(payload, "file")


def test_digits_are_whole_and_stratified(published, tmp_path):
    config = published.datasets["digits"].model_dump()
    outputs = build(config, None, tmp_path)
    train, test = (read_split(outputs[split]) for split in ("train", "test"))
    assert train[0].shape == (1297, 1, 28, 28)
    assert test[0].shape == (500, 1, 28, 28)
    counts = np.bincount(train[1])
    assert counts.max() - counts.min() <= 1
    both = np.concatenate([train[0], test[0]]).reshape(1797, -1)
    assert len(np.unique(both, axis=0)) == 1797, "no digit stands on both sides"


def test_enlarging_keeps_constants_and_the_mean_of_a_ramp():
    constant = enlarge(np.full((1, 8, 8), 0.4), [28, 28])
    assert (constant == 102).all()
    ramp = np.broadcast_to(np.linspace(0, 1, 8), (1, 8, 8))
    assert enlarge(ramp, [28, 28])[0].mean() == pytest.approx(127.5, abs=0.5)


def test_stratified_rows_balance_and_are_seeded():
    labels = np.random.default_rng(0).integers(0, 10, 5000)
    rows = stratified_rows(labels, 1000, np.random.default_rng(1))
    assert np.bincount(labels[rows]).tolist() == [100] * 10
    assert len(set(rows)) == 1000
    again = stratified_rows(labels, 1000, np.random.default_rng(1))
    assert rows_hash(rows) == rows_hash(again)
    assert rows_hash(rows) != rows_hash(stratified_rows(labels, 1000, np.random.default_rng(2)))


def test_stratified_rows_with_a_small_class():
    labels = np.array([0] * 3 + [1] * 50 + [2] * 50)
    rows = stratified_rows(labels, 40, np.random.default_rng(0))
    assert np.bincount(labels[rows]).tolist() == [3, 19, 18]


def test_subsets_by_seed():
    labels = np.arange(100) % 10

    def rows(seeds, **options):
        return subset_rows(Subset(train=20, test=10, **options), labels, "train", "d", seeds)

    fixed = rows([0, 1], how="stratified")
    assert (fixed[0] == fixed[1]).all()
    varied = rows([0, 1], how="stratified", varies=True)
    assert (varied[0] != varied[1]).any()
    assert (varied[1] == rows([1], how="stratified", varies=True)[0]).all()
    assert rows([0], how="first")[0].tolist() == list(range(20))
