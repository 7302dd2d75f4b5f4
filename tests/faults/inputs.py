"""Malformed configurations and files: each must end in a named error and change nothing."""

import gzip
import hashlib
import io
import logging
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import yaml
from conftest import ROOT, idx_bytes
from scipy.io import savemat
from test_own_images import FILES, arrays, config, pack, plain, write

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.loading import deep_merge, validated
from latent_atlas.config.project import Project
from latent_atlas.datasets.build import build_dataset
from latent_atlas.errors import InputError
from latent_atlas.job import job

OLD = b"what was there before"
WRONG = (None, "wörds", -1, 0, 2.5, [], ["x"], {}, {"x": 1}, True, 10**400, float("nan"))


@dataclass
class Outcome:
    """How a malformed input ended. `error` is empty where it was taken."""

    kind: str
    name: str
    error: str = ""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """`make` lays the input into a folder and gives the data set's configuration."""

    kind: str
    name: str
    make: Callable[[Path], dict]
    words: tuple[str, ...] = ()


def dataset_outcome(case: Case, folder: Path) -> Outcome:
    """The rule `dataset`'s job on it, in this process, where an older result lies."""
    outcome = Outcome(case.kind, case.name)
    outputs = {split: folder / f"results/datasets/{split}.safetensors" for split in SPLITS}
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(OLD)
    log, screen = folder / "results/logs/dataset.log", io.StringIO()
    given = SimpleNamespace(
        rule="dataset",
        log=[str(log)],
        wildcards={},
        params=SimpleNamespace(spec={}, code=""),
        input={},
        output={split: str(path) for split, path in outputs.items()},
        config={"memory_budget_mib": 100},
    )
    root, handlers = logging.getLogger(), list(logging.getLogger().handlers)
    try:
        with redirect_stderr(screen), job(given):
            settings = validated(DatasetConfig, case.make(folder), "config/datasets/mine.yaml")
            build_dataset(settings, str(folder / "mirror"), folder / "downloads", outputs)
    except SystemExit as ended:
        outcome.error = log.read_text()
        if ended.code != 1:
            outcome.faults.append(f"status {ended.code}")
    except Exception as error:
        outcome.error = repr(error)
        outcome.faults.append("a traceback")
    finally:
        root.handlers[:] = handlers
    said = screen.getvalue() + (log.read_text() if log.exists() else "")
    if "Traceback" in said:
        outcome.faults.append("a traceback on the screen or in the log")
    outcome.faults += [f"no {word!r} in it" for word in case.words if word not in outcome.error]
    if outcome.error and any(path.read_bytes() != OLD for path in outputs.values()):
        outcome.faults.append("an output was changed")
    if left := [p.name for p in outputs["train"].parent.iterdir() if p not in outputs.values()]:
        outcome.faults.append(f"left behind: {left}")
    return outcome


SPLITS = ("train", "test")


# Configurations


def leaves(tree: object, place: tuple = ()) -> Iterator[tuple]:
    """Places of everything in it, mappings and lists too."""
    if place:
        yield place
    items = tree.items() if isinstance(tree, dict) else ()
    if isinstance(tree, list):
        items = enumerate(tree[:1])
    for key, value in items:
        yield from leaves(value, (*place, key))


def replaced(tree: object, place: tuple, value: object) -> object:
    if not place:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[place[0]] = replaced(tree[place[0]], place[1:], value)
    return copy


def misspelt(tree: dict) -> Iterator[tuple[str, dict]]:
    for key in tree:
        others = {name: value for name, value in tree.items() if name != key}
        yield f"{key} misspelt", others | {f"{key}x": tree[key]}
        yield f"{key} missing", others


def mutations(tree: dict) -> Iterator[tuple[str, dict]]:
    """Every key misspelt, missing, and with every wrong value."""
    yield from misspelt(tree)
    for place in leaves(tree):
        for value in WRONG:
            name = f"{'.'.join(map(str, place))}: {str(value)[:20]}"
            yield name, replaced(tree, place, value)


def configuration_outcomes() -> Iterator[Outcome]:
    """Mutations of the settings and of data sets' files; those that are taken are no malformed
    ones and are left out."""
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for name, changed in mutations(settings):
        yield _refused("settings", name, lambda tree=changed: Project(tree, ROOT, where="c.yaml"))
    for path in sorted((ROOT / "config/datasets").glob("*.yaml")):
        tree = yaml.safe_load(path.read_text())
        for name, changed in mutations(tree):
            yield _refused(
                "data set's file",
                f"{path.stem} {name}",
                lambda tree=changed: validated(DatasetConfig, tree, "d.yaml"),
            )


def study_outcome(changes: dict, name: str) -> Outcome:
    """A study's file with some changes, in a project with nothing else."""
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return _refused("study's file", name, lambda: Project(deep_merge(settings, changes), ROOT))


def _refused(kind: str, name: str, load: Callable[[], object]) -> Outcome:
    outcome = Outcome(kind, name)
    try:
        load()
    except InputError as error:
        outcome.error = str(error)
    except Exception as error:
        outcome.error = repr(error)
        outcome.faults.append(f"{type(error).__name__}, no named error")
    return outcome


# Files


def idx_config(folder: Path, **payloads: bytes | None) -> dict:
    """Of a mirror of 12 + 6 images, with some payloads, by role, changed or missing."""
    rng = np.random.default_rng(0)
    files = {}
    (folder / "mirror/tiny").mkdir(parents=True)
    for split, n in (("train", 12), ("test", 6)):
        right = {
            "images": idx_bytes(rng.integers(0, 256, (n, 28, 28))),
            "labels": idx_bytes(np.arange(n) % 3),
        }
        for part, payload in right.items():
            role = f"{split}_{part}"
            payload = payloads.get(role, payload)
            files[role] = {"name": f"{role}.gz", "sha256": hashlib.sha256(payload).hexdigest()}
            (folder / f"mirror/tiny/{role}.gz").write_bytes(gzip.compress(payload))
    source = {"kind": "idx", "folder": "tiny", "addresses": ["http://127.0.0.1:9"], "files": files}
    return config("", source=source, sizes={"train": 12, "test": 6}, shape=[1, 28, 28]) | {
        "classes": ["a", "b", "c"]
    }


def header(*dimensions: int, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(dimensions)]) + b"".join(
        size.to_bytes(4, "big") for size in dimensions
    )


IMAGES = np.zeros((12, 28, 28), np.uint8)
IDX = {
    "empty payload": b"",
    "three bytes": b"\0\0\x08",
    "text": b"<html>not found</html>",
    "wrong magic": b"\x01" + idx_bytes(IMAGES)[1:],
    "floats": header(12, 28, 28, kind=13) + bytes(12 * 784 * 4),
    "unknown type": header(12, 28, 28, kind=0x0F) + bytes(12 * 784),
    "no dimension": bytes([0, 0, 8, 0]),
    "255 dimensions": bytes([0, 0, 8, 255]) + bytes(1020),
    "cut header": idx_bytes(IMAGES)[:9],
    "one byte short": idx_bytes(IMAGES)[:-1],
    "one byte long": idx_bytes(IMAGES) + b"\0",
    "four billion images": header(2**32 - 1, 28, 28) + bytes(784),
    "sizes that overflow": header(2**32 - 1, 2**32 - 1, 2**32 - 1),
    "no image": header(0, 28, 28),
    "labels for images": idx_bytes(np.zeros(12)),
    "four axes": idx_bytes(np.zeros((12, 1, 28, 28))),
    "27 rows": idx_bytes(np.zeros((12, 27, 28))),
    "eleven images": idx_bytes(np.zeros((11, 28, 28))),
}


def idx_cases() -> Iterator[Case]:
    for name, payload in IDX.items():
        yield Case("idx", name, lambda f, p=payload: idx_config(f, train_images=p), ("train",))
    for name, labels in {
        "label 3 of 0 to 2": np.full(12, 3),
        "eleven labels": np.zeros(11),
        "no label": np.zeros(0),
        "a table of labels": np.zeros((12, 2)),
    }.items():
        payload = idx_bytes(labels)
        yield Case("idx", name, lambda f, p=payload: idx_config(f, train_labels=p), ("train",))

    def spoilt(spoil: Callable[[Path], object]) -> Callable[[Path], dict]:
        def make(folder: Path) -> dict:
            found = idx_config(folder)
            spoil(folder / "mirror/tiny/test_images.gz")
            return found

        return make

    for name, spoil in {
        "missing": Path.unlink,
        "empty": lambda path: path.write_bytes(b""),
        "no gzip": lambda path: path.write_bytes(b"plain"),
        "truncated gzip": lambda path: path.write_bytes(path.read_bytes()[:-9]),
        "flipped bit": lambda path: path.write_bytes(_flipped(path.read_bytes(), 40)),
        "another file's content": lambda path: path.write_bytes(gzip.compress(b"other")),
        "folder": lambda path: (path.unlink(), path.mkdir()),
        "link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
        "link to itself": lambda path: (path.unlink(), path.symlink_to(path.name)),
        "gzip bomb": lambda path: path.write_bytes(gzip.compress(bytes(2**28 + 1), 1)),
    }.items():
        yield Case("idx file", name, spoilt(spoil), ("test_images.gz",))


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


PNG, JPEG = FILES["cats/1.png"], FILES["cats/3.jpg"]
NO_IMAGES = {
    "empty": b"",
    "text": b"meow",
    "html": b"<html></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "script": b"#!/bin/sh\nexit 1\n",
    "pickle": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01x\x94.",
    "png head alone": PNG[:8],
    "png cut": PNG[: len(PNG) // 2],
    "png with a wrong checksum": _flipped(PNG, 29),
    "png of no width": PNG[:16] + bytes(4) + PNG[20:],
    "png bomb": PNG[:16] + (2**31 - 1).to_bytes(4, "big") * 2 + PNG[24:],
    "jpeg cut": JPEG[:200],
    "jpeg head alone": JPEG[:4],
    "gif cut": FILES["dogs/2.gif"][:12],
    "bmp of a million rows": b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0" + b"\xff\xff\xff\x7f" * 2,
    "zeros": bytes(500),
}


def folder_cases() -> Iterator[Case]:
    for name, data in NO_IMAGES.items():
        for packed in ("own", "own.zip"):
            yield Case(
                "image" if packed == "own" else "image in an archive",
                name,
                lambda f, d=data, p=packed: config(_laid(f / p, FILES | {"cats/9.png": d})),
                ("cats/9.png",),
            )
    for name, files in {
        "readme beside the classes": {"readme.txt": b"hello"},
        "class that is not listed": {"birds/1.png": plain()},
        "class of one image": {"dogs/2.gif": None},
        "empty class": {"dogs/1.png": None, "dogs/2.gif": None},
        "more images than said": {"cats/7.png": plain()},
        "folder in a class": {"cats/more/1.png": plain()},
    }.items():
        kept = {key: data for key, data in (FILES | files).items() if data is not None}
        for packed in ("own", "own.zip", "own.tar.gz"):
            yield Case(
                "folder", f"{name}, {packed}", lambda f, k=kept, p=packed: config(_laid(f / p, k))
            )
    yield Case("folder", "missing", lambda f: config(f / "nowhere"), ("nowhere",))
    yield Case("folder", "a file", lambda f: config(_written(f / "own", b"x")), ("own",))
    for name, target in {"file": "/etc/hostname", "folder": "/etc", "parent": "../.."}.items():
        yield Case("folder", f"link to a {name}", lambda f, t=target: config(_linked(f, t)))


def _laid(path: Path, files: dict[str, bytes]) -> Path:
    return pack(path, files) if path.suffix else write(path, files)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _linked(folder: Path, target: str) -> Path:
    path = write(folder / "own", FILES)
    (path / "cats/9.png").symlink_to(target)
    return path


def archive_cases() -> Iterator[Case]:
    for kind in (".zip", ".tar.gz"):
        names = ["../cats/9.png", "/etc/cats/9.png", "C:\\cats\\9.png", "cats/../../9.png"]
        for name in names + ([""] if kind != ".zip" else []):
            yield Case(
                "archive",
                f"{kind}, named {name!r}",
                lambda f, k=kind, n=name: config(pack(f / f"own{k}", FILES | {n: plain()})),
                (f"own{kind}",),
            )
        for name, spoil in {
            "cut in half": lambda data: data[: len(data) // 2],
            "empty": lambda data: b"",
            "text": lambda data: b"text",
            "flipped": lambda data: _flipped(data, len(data) // 2),
            "end missing": lambda data: data[:-30],
        }.items():
            yield Case(
                "archive",
                f"{kind}, {name}",
                lambda f, k=kind, s=spoil: config(_spoilt(pack(f / f"own{k}", FILES), s)),
                (f"own{kind}",),
            )
        yield Case(
            "archive", f"{kind}, without a file", lambda f, k=kind: config(pack(f / f"own{k}", {}))
        )
        yield Case(
            "archive",
            f"{kind}, unpacks to 150 times its size",
            lambda f, k=kind: config(pack(f / f"own{k}", FILES | {"cats/.x": bytes(2**31 + 1)})),
            (f"own{kind}",),
        )
    for name, kind, target in (
        ("link", tarfile.SYMTYPE, "/etc/passwd"),
        ("hard link", tarfile.LNKTYPE, "../secret"),
        ("device", tarfile.CHRTYPE, ""),
        ("pipe", tarfile.FIFOTYPE, ""),
    ):
        yield Case(
            "archive",
            f"a {name} in it",
            lambda f, k=kind, t=target: config(_with_member(f / "own.tar.gz", k, t)),
            ("own.tar.gz",),
        )
    yield Case("archive", "a name no text", lambda f: config(_unnamed(f / "own.zip")), ("own.zip",))
    yield Case("archive", "encrypted", lambda f: config(_encrypted(f / "own.zip")), ("own.zip",))


def _spoilt(path: Path, spoil: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(spoil(path.read_bytes()))
    return path


def _with_member(path: Path, kind: bytes, target: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        member = tarfile.TarInfo("cats/9.png")
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return path


def _unnamed(path: Path) -> Path:
    """Says that its members' names are UTF-8, which one is not."""
    name = "cats/\u00e9.png"
    packed = pack(path, FILES | {name: plain()}).read_bytes()
    path.write_bytes(packed.replace(name.encode(), name.encode("latin-1") + b"g"))
    return path


def _encrypted(path: Path) -> Path:
    """Says so of its members, as an encrypted archive does."""
    pack(path, FILES)
    with zipfile.ZipFile(path) as archive:
        places = [member.header_offset for member in archive.infolist()]
    data = bytearray(path.read_bytes())
    for place in places:
        data[place + 6] |= 1
    start = 0
    while (start := data.find(b"PK\x01\x02", start)) >= 0:
        data[start + 8] |= 1
        start += 4
    path.write_bytes(data)
    return path


RNG = np.random.default_rng(1)
X, Y = RNG.integers(0, 256, (5, 3, 8, 8)).astype(np.uint8), np.array([0, 0, 0, 1, 1])
ARRAYS = {
    "no images": {"y": Y},
    "no labels": {"x": X},
    "one label short": {"x": X, "y": Y[:-1]},
    "labels beyond the classes": {"x": X, "y": Y + 1},
    "negative labels": {"x": X, "y": Y - 1},
    "broken labels": {"x": X, "y": Y + 0.5},
    "labels NaN": {"x": X, "y": Y + np.nan},
    "grey levels over 255": {"x": X * 2.0, "y": Y},
    "grey levels under 0": {"x": X.astype(int) - 1, "y": Y},
    "NaN": {"x": np.full(X.shape, np.nan), "y": Y},
    "infinite": {"x": np.full(X.shape, np.inf), "y": Y},
    "complex": {"x": X + 1j, "y": Y},
    "empty": {"x": X[:0], "y": Y[:0]},
    "words": {"x": np.array(["a", "b"]), "y": Y},
    "too few axes": {"x": X[:, 0], "y": Y},
    "wrong shape": {"x": X[:, :, :5], "y": Y},
    "one image a class": {"x": X[2:4], "y": Y[2:4]},
    "as many images as not said": {"x": X[:4], "y": Y[:4]},
}
NO_ARRAYS = {
    "empty file": b"",
    "text": b"just text",
    "zip of nothing": b"PK\x05\x06" + bytes(18),
    "npy": b"\x93NUMPY\x01\x00",
    "head of v7.3": b"MATLAB 7.3 MAT-file" + bytes(600),
    "head of v5": b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"\x0e\0\0\0\xff\xff\xff\x7f",
    "hdf5 head": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "zeros": bytes(1000),
}


def array_cases() -> Iterator[Case]:
    for kind, save in (("npz", np.savez), ("mat", _save_mat)):
        for name, stored in ARRAYS.items():
            yield Case(
                kind,
                name,
                lambda f, k=kind, s=save, a=stored: arrays(_saved(f / f"own.{k}", s, a), "NCHW"),
            )
        for name, data in NO_ARRAYS.items():
            yield Case(
                kind,
                name,
                lambda f, k=kind, d=data: arrays(_written(f / f"own.{k}", d), "NCHW"),
                (f"own.{kind}",),
            )
        for name, spoil in {
            "cut in half": lambda data: data[: len(data) // 2],
            "cut by a byte": lambda data: data[:-1],
        }.items():
            yield Case(
                kind,
                name,
                lambda f, k=kind, s=save, c=spoil: arrays(
                    _spoilt(_saved(f / f"own.{k}", s, {"x": X, "y": Y}), c), "NCHW"
                ),
                (f"own.{kind}",),
            )
    yield Case(
        "npz", "pickled objects", lambda f: arrays(_pickled(f / "own.npz"), "NCHW"), ("plain",)
    )
    yield Case("npz", "missing", lambda f: arrays(f / "nowhere.npz", "NCHW"), ("nowhere.npz",))
    yield Case("npz", "folder", lambda f: arrays(_folder(f / "own.npz"), "NCHW"), ("own.npz",))


def _save_mat(path: Path, **stored: np.ndarray) -> None:
    savemat(path, stored)


def _saved(path: Path, save: Callable, stored: dict) -> Path:
    save(path, **stored)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


class Evil:
    """Makes a file where it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def _pickled(path: Path) -> Path:
    np.savez(path, x=X, y=np.array([Evil()] * 5, dtype=object))
    return path


def file_cases() -> list[Case]:
    return [*idx_cases(), *folder_cases(), *archive_cases(), *array_cases()]
