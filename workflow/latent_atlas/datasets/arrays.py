"""Arrays of one's own: .npz, and .mat of MATLAB's versions 5 to 7.3."""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from latent_atlas.config.datasets import ArraySource, DatasetConfig
from latent_atlas.errors import InputError

# What SciPy raises, beside its MatReadError, on files that are cut short or are no .mat file.
MAT_ERRORS = (
    NotImplementedError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OSError,
    MemoryError,
    struct.error,
    zlib.error,
)
HDF5_ERRORS = (RuntimeError, OSError, KeyError, ValueError, TypeError, MemoryError, SystemError)
NPZ_ERRORS = (ValueError, EOFError, OSError, MemoryError, zipfile.BadZipFile, AttributeError)


def read_arrays(config: DatasetConfig) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split → (images uint8 [N,C,H,W], labels int64 [N]); the only split is "all" where the source
    names no test arrays."""
    source = config.source
    path = Path(source.path).expanduser()
    if not path.is_file():
        raise InputError(f"{path}: no such file; mend source.path")
    wanted = {"train": source.train, "test": source.test} if source.test else {"all": source.train}
    keys = [key for pair in wanted.values() for key in (pair.images, pair.labels)]
    arrays = _read_npz(path, keys) if source.kind == "npz" else read_mat(path, keys)
    return {
        split: (
            _images(arrays[pair.images], f"{path}: {pair.images}", source),
            _labels(arrays[pair.labels], f"{path}: {pair.labels}", source.first_label),
        )
        for split, pair in wanted.items()
    }


def _read_npz(path: Path, keys: list[str]) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            check_keys(path, keys, archive.files)
            return {key: archive[key] for key in keys}
    except InputError:
        raise
    except NPZ_ERRORS as error:
        raise InputError(f"{path}: not a readable .npz of plain arrays ({error})") from None


def read_mat(path: Path, keys: list[str], more: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """The arrays `keys`, and those of `more` that are there: versions 5 to 7 by SciPy; 7.3, which
    is HDF5 with its axes reversed, by h5py."""
    import h5py
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    if h5py.is_hdf5(path):
        return _read_hdf5(path, keys, more)
    try:
        check_keys(path, keys, [name for name, *_ in whosmat(path)])
        return loadmat(path, variable_names=[*keys, *more])
    except InputError:
        raise
    except (MatReadError, *MAT_ERRORS) as error:
        raise InputError(f"{path}: not a readable .mat file ({error})") from None


def _read_hdf5(path: Path, keys: list[str], more: Sequence[str]) -> dict[str, np.ndarray]:
    import h5py

    with readable_hdf5(path), h5py.File(path) as file:
        plain = plain_arrays(file)
        check_keys(path, keys, plain)
        wanted = [*keys, *(key for key in more if key in plain)]
        return {key: file[key][()].T for key in wanted}


@contextmanager
def readable_hdf5(path: Path) -> Iterator[None]:
    """What h5py raises of a damaged file is an InputError."""
    try:
        yield
    except InputError:
        raise
    except HDF5_ERRORS as error:
        raise InputError(f"{path}: not a readable .mat file ({error})") from None


def plain_arrays(file) -> list[str]:
    """Names of the arrays at the top of an open HDF5 file."""
    import h5py

    return [name for name, item in file.items() if isinstance(item, h5py.Dataset)]


def check_keys(path: Path, wanted: list[str], found: list[str]) -> None:
    """InputError for the first key wanted that is not among those found."""
    for key in wanted:
        if key not in found:
            raise InputError(f"{path}: no array {key!r}; found {', '.join(found) or 'none'}")


def _images(array: np.ndarray, name: str, source: ArraySource) -> np.ndarray:
    if array.ndim != len(source.axes):
        raise InputError(
            f"{name}: {array.ndim} axes ({' × '.join(map(str, array.shape))}), source.axes "
            f"{source.axes} names {len(source.axes)}"
        )
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise InputError(f"{name}: holds {array.dtype}; allowed: whole or floating-point numbers")
    if not array.size:
        raise InputError(f"{name}: is empty")
    order = [source.axes.index(axis) for axis in "NCHW" if axis in source.axes]
    images = array.transpose(order)
    if "C" not in source.axes:
        images = images[:, None]
    low, high = images.min(), images.max()
    top = 1 if np.issubdtype(array.dtype, np.floating) else 255
    if not (low >= 0 and high <= top):
        raise InputError(
            f"{name}: {array.dtype} from {low} to {high}; allowed: whole numbers 0 to 255 or "
            "floating-point numbers 0 to 1"
        )
    return np.rint(images * (255 / top)).astype(np.uint8)


def _labels(array: np.ndarray, name: str, first: int) -> np.ndarray:
    labels = array.ravel()
    whole = np.issubdtype(labels.dtype, np.number) and (labels == np.rint(labels)).all()
    if not whole:
        raise InputError(f"{name}: holds {array.dtype}; allowed: whole numbers from {first}")
    return labels.astype(np.int64) - first
