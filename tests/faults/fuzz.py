"""Coverage-guided fuzzing of what reads other people's files, by atheris: `make fuzz`.

    python -m faults.fuzz READER [seconds]

It ends with status 0 where nothing but an InputError was raised.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["latent_atlas", "tarfile", "zipfile", "gzip"]):
    import tarfile
    import zipfile

    from latent_atlas.config.datasets import DatasetConfig
    from latent_atlas.config.loading import load_yaml, validated
    from latent_atlas.datasets.cifar import read_cifar
    from latent_atlas.datasets.idx import parse_idx
    from latent_atlas.datasets.images import read_image_folder

from conftest import ROOT, idx_bytes
from test_own_images import FILES, config, pack

from latent_atlas.errors import InputError

SECONDS = 300


def idx(_: Path) -> tuple[Callable[[bytes], object], list[bytes]]:
    return lambda data: parse_idx(data, "x"), [idx_bytes(range_of(3, 2, 2)), idx_bytes(range_of(5))]


def range_of(*shape: int):
    import numpy as np

    return np.arange(np.prod(shape)).reshape(shape)


def cifar(folder: Path) -> tuple[Callable[[bytes], object], list[bytes]]:
    name = "config/datasets/cifar10.yaml"
    own = validated(DatasetConfig, load_yaml(ROOT / name, name), name)
    path = folder / "cifar.tar.gz"
    members = {f.name: bytes(3073) for files in own.source.files.values() for f in files}
    members[own.source.class_names] = "\n".join(own.classes).encode()
    whole = pack(path, members).read_bytes()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return read_cifar(path, own)

    return read, [whole, unzipped(path)]


def archive(folder: Path) -> tuple[Callable[[bytes], object], list[bytes]]:
    path = folder / "own"
    own = validated(DatasetConfig, config(path), "own.yaml")
    packed = [pack(folder / f"own{kind}", FILES) for kind in (".zip", ".tar.gz")]

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return read_image_folder(path, own)

    return read, [*(p.read_bytes() for p in packed), unzipped(packed[1]), stored(packed[0])]


def unzipped(path: Path) -> bytes:
    """A plain tar, so that what is changed is not its compression alone."""
    buffer = io.BytesIO()
    with tarfile.open(path) as whole, tarfile.open(fileobj=buffer, mode="w") as plain:
        for member in whole:
            plain.addfile(member, whole.extractfile(member))
    return buffer.getvalue()


def stored(path: Path) -> bytes:
    """The same of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(buffer, "w") as plain:
        for name in whole.namelist():
            plain.writestr(name, whole.read(name))
    return buffer.getvalue()


READERS = {"idx": idx, "cifar": cifar, "archive": archive}


def main() -> None:
    name, seconds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else SECONDS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (corpus := folder / "corpus").mkdir()
        (files := folder / "files").mkdir()
        read, seeds = READERS[name](files)
        for number, seed in enumerate(seeds):
            (corpus / str(number)).write_bytes(seed)

        def once(data: bytes) -> None:
            with suppress(InputError):
                read(data)

        limits = [
            f"-max_total_time={seconds}",
            "-max_len=40000",
            "-timeout=20",
            "-rss_limit_mb=4096",
        ]
        atheris.Setup([sys.argv[0], *limits, str(corpus)], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
