"""Arrays over a budget lie in files, whose pages the system may drop and read again."""

import math
import re
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

STATUS = Path("/proc/self/status")
_budget = math.inf


def set_budget(mib: float) -> None:
    """Of one array, for this process."""
    global _budget
    _budget = mib * 2**20


def over_budget(size: int) -> bool:
    """Of so many bytes."""
    return size > _budget


def empty(shape: Sequence[int], dtype: np.dtype | type) -> np.ndarray:
    """In memory or, over the budget, in a file without a name in the folder for temporary files."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not over_budget(size):
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return np.memmap(file, dtype, "r+", shape=tuple(shape))


def gathered(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`array[rows]`, rows [S,N] of array [M,…]: [S,N,…]. numpy would copy `out`, but to clip."""
    found = empty((*rows.shape, *array.shape[1:]), array.dtype)
    for of_seed, into in zip(rows, found, strict=True):
        np.take(array, of_seed, axis=0, out=into, mode="clip")
    return found


def peak_mib() -> float:
    """The most memory that this process has held so far. Where the system tells it of a process
    alone, as Linux does; `ru_maxrss` begins with what the parent held."""
    if STATUS.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
