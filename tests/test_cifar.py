"""CIFAR-10's binary archive: what is right is read, what is wrong is named."""

import hashlib
import tarfile

import numpy as np
import pytest
from test_datasets import build, refused
from test_own_images import pack

from latent_atlas.datasets.splits import read_split

RECORD = 1 + 3 * 32 * 32


@pytest.fixture
def cifar(published, tmp_path):
    """A mirror with an archive of 6 records a file, and the data set's configuration."""
    rng = np.random.default_rng(0)
    config = published.datasets["cifar10"].model_dump()
    config["sizes"] = {"train": 30, "test": 6}
    config["source"]["addresses"] = []
    payloads = {}
    for files in config["source"]["files"].values():
        for file in files:
            records = rng.integers(0, 256, (6, RECORD), dtype=np.uint8)
            records[:, 0] = rng.integers(0, 10, 6)
            payloads[file["name"]] = records.tobytes()
            file["sha256"] = hashlib.sha256(payloads[file["name"]]).hexdigest()
    names = "\n".join(config["classes"]) + "\n\n"
    payloads[config["source"]["class_names"]] = names.encode()
    return tmp_path / "mirror", config, payloads


def stored(mirror, config, payloads):
    path = mirror / "cifar10" / config["source"]["name"]
    path.parent.mkdir(parents=True)
    return pack(path, payloads)


def test_records_become_images_and_labels(cifar, tmp_path):
    mirror, config, payloads = cifar
    stored(mirror, config, payloads)
    outputs = build(config, mirror, tmp_path)
    images, labels = read_split(outputs["train"])
    assert images.shape == (30, 3, 32, 32)
    third = np.frombuffer(payloads["cifar-10-batches-bin/data_batch_3.bin"], np.uint8)
    record = third.reshape(6, RECORD)[4]
    assert labels[16] == record[0]
    assert images[16, 1, 2, 5] == record[1 + 1024 + 2 * 32 + 5], "channel, row, column"
    assert len(read_split(outputs["test"])[0]) == 6


BATCH = "cifar-10-batches-bin/data_batch_2.bin"


def altered(payload):
    return payload[:-1] + bytes([payload[-1] ^ 1])


def mislabelled(payload):
    return payload[:RECORD] + b"\x0a" + payload[RECORD + 1 :]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (BATCH, altered, ("SHA-256", "expected")),
        (BATCH, mislabelled, ("record 1 has label 10", "0 to 9")),
        (BATCH, lambda payload: payload[:-7], ("18431 bytes", "3073")),
        (BATCH, lambda payload: b"", ("0 bytes",)),
        (BATCH, None, ("holds no file",)),
        (
            "cifar-10-batches-bin/batches.meta.txt",
            lambda payload: payload.replace(b"cat\ndeer", b"deer\ncat"),
            ("deer, cat", "cat, deer"),
        ),
    ],
)
def test_wrong_archives_are_named(cifar, tmp_path, name, change, words):
    mirror, config, payloads = cifar
    payload = payloads.pop(name)
    if change:
        payloads[name] = change(payload)
    stored(mirror, config, payloads)
    message = refused(config, mirror, tmp_path, "cifar10.yaml", "cifar-10-binary", name, *words)
    assert message.count(name) == 1


def test_a_truncated_archive(cifar, tmp_path):
    mirror, config, payloads = cifar
    path = stored(mirror, config, payloads)
    path.write_bytes(path.read_bytes()[:-5000])
    refused(config, mirror, tmp_path, "cifar-10-binary.tar.gz", "truncated or damaged")
    path.write_bytes(b"<html>not found</html>")
    refused(config, mirror, tmp_path, "cifar-10-binary.tar.gz", "truncated or damaged")


def test_the_jpeg_copies(published, mirror):
    """Every class of the mirror's archive is there, under the name that the data set gives it."""
    config = published.datasets["cifar10-jpeg"]
    archive = mirror / config.source.folder / config.source.archives[0].name
    with tarfile.open(archive) as members:
        names = [name.split("/") for name in members.getnames()]
    for split, size in config.sizes.items():
        for label in config.classes:
            assert sum(n[:2] == [split, label] for n in names) == size / 10
