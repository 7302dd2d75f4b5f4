"""Images in MATLAB files: any orientation in, the same orientation out."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from latent_atlas.datasets.arrays import check_keys, plain_arrays, read_mat, readable_hdf5
from latent_atlas.errors import InputError
from latent_atlas.files import atomic

IMAGES, LABELS = "input_images", "output_labels"
SIDE = 28
LAYOUTS = {"NP": ("N", 784), "PN": (784, "N"), "NHW": ("N", 28, 28), "HWN": (28, 28, "N")}
HEADER_BYTES = 512


@dataclass
class ImageStack:
    """28×28 images in an array, or in a data set of an HDF5 file, which has MATLAB's axes
    reversed. `axes` names them as MATLAB shows them: N images, P pixels row by row, H rows, W
    columns."""

    array: object
    axes: str
    reverse: bool

    @property
    def count(self) -> int:
        shape = self.array.shape[::-1] if self.reverse else self.array.shape
        return shape[self.axes.index("N")]

    def _index(self, rows: slice) -> tuple:
        index = [rows if axis == "N" else slice(None) for axis in self.axes]
        return tuple(index[::-1] if self.reverse else index)

    def read(self, rows: slice) -> np.ndarray:
        """Images `rows`, [n,784]."""
        with readable_hdf5(self.array.file.filename) if self.reverse else nullcontext():
            block = self.array[self._index(rows)]
        block = block.T if self.reverse else block
        images = np.moveaxis(block, self.axes.index("N"), 0)
        return images.reshape(len(images), -1)

    def write(self, rows: slice, images: np.ndarray) -> None:
        """Put `images` [n,784] where `rows` are."""
        rest = [SIDE, SIDE] if "H" in self.axes else [-1]
        block = np.moveaxis(images.reshape(len(images), *rest), 0, self.axes.index("N"))
        self.array[self._index(rows)] = block.T if self.reverse else block


def layout(shape: tuple[int, ...], axes: str | None, where: str) -> str:
    """The axes of an array as MATLAB shows it; InputError where none or, without `axes`, more
    than one fits."""
    fitting = [
        name
        for name, wanted in LAYOUTS.items()
        if len(wanted) == len(shape)
        and all(size in ("N", found) for size, found in zip(wanted, shape, strict=True))
    ]
    found = " × ".join(map(str, shape))
    if 0 in shape:
        raise InputError(f"{where}: is empty ({found})")
    if axes is not None and axes in fitting:
        return axes
    if axes is not None or not fitting:
        asked = f", --axes says {axes}" if axes else ""
        allowed = ", ".join(" × ".join(map(str, wanted)) for wanted in LAYOUTS.values())
        raise InputError(f"{where}: found {found}{asked}; allowed: {allowed}")
    if len(fitting) > 1:
        raise InputError(f"{where}: {found} can be read as {' or '.join(fitting)}; pass --axes")
    return fitting[0]


@contextmanager
def open_images(path: Path, axes: str | None) -> Iterator[tuple[ImageStack, object]]:
    """The images of a .mat file, in memory for versions 5 to 7, on disk for 7.3; and its labels or
    None."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    where = f"{path}: {IMAGES}"
    if not h5py.is_hdf5(path):
        arrays = read_mat(path, [IMAGES], [LABELS])
        array = _plain(arrays[IMAGES], where)
        yield ImageStack(array, layout(array.shape, axes, where), False), arrays.get(LABELS)
        return
    with readable_hdf5(path):
        file = h5py.File(path)
    with file:
        with readable_hdf5(path):
            check_keys(path, [IMAGES], plain_arrays(file))
            array, labels = _plain(file[IMAGES], where), file.get(LABELS)
            images = ImageStack(array, layout(array.shape[::-1], axes, where), True)
        yield images, labels


def _plain(array, where: str):
    named = {"c": "complex numbers", "O": "cells", "V": "structures"}
    kind = array.dtype.kind
    if kind in "buif" and isinstance(array, np.ndarray | h5py.Dataset):
        return array
    found = "a sparse matrix" if kind in "buif" else named.get(kind, "no numbers")
    raise InputError(f"{where}: holds {found}; allowed: whole or floating-point numbers")


@contextmanager
def new_images(path: Path, like: ImageStack, labels) -> Iterator[ImageStack]:
    """An array of the same shape and type, in a file of the same version, which appears at `path`
    once the block has ended well."""
    try:
        with atomic(path) as temporary:
            if like.reverse:
                with _new_hdf5(temporary, like, labels) as stack:
                    yield stack
                _write_header(temporary)
                return
            from scipy.io import savemat

            stack = ImageStack(np.empty_like(like.array), like.axes, False)
            yield stack
            contents = {IMAGES: stack.array} | ({} if labels is None else {LABELS: labels})
            with temporary.open("wb") as file:
                savemat(file, contents, do_compression=True)
    except OSError as error:
        if error.filename is None:
            raise
        reason = f"cannot be written ({error.strerror}); name another --output"
        raise InputError(f"{path}: {reason}") from None


@contextmanager
def _new_hdf5(path: Path, like: ImageStack, labels) -> Iterator[ImageStack]:
    with h5py.File(path, "w", userblock_size=HEADER_BYTES) as file:
        source = like.array
        chunks = tuple(min(100, size) if size == like.count else size for size in source.shape)
        new = file.create_dataset(
            IMAGES, source.shape, source.dtype, chunks=chunks, compression="gzip"
        )
        for name, value in source.attrs.items():
            new.attrs[name] = value
        if labels is not None:
            labels.file.copy(labels, file, LABELS)
        yield ImageStack(new, like.axes, True)


def _write_header(path: Path) -> None:
    """The 128 bytes by which MATLAB knows a version 7.3 file: text, version 2.0, byte order."""
    text = f"MATLAB 7.3 MAT-file, created by Latent Atlas on {datetime.now(UTC):%Y-%m-%d}"
    with path.open("r+b") as file:
        file.write(text.encode().ljust(116) + bytes(8) + b"\x00\x02IM")
