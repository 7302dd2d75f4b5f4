"""The idx format of MNIST and Fashion-MNIST."""

import math
import struct

import numpy as np

from latent_atlas.errors import InputError

_UBYTE = 0x08
MOST_AXES = 4


def parse_idx(payload: bytes, name: str) -> np.ndarray:
    """An idx payload as a uint8 array of its own shape.

    Source of the format: https://yann.lecun.com/exdb/mnist (magic 0, 0, type, rank; big-endian
    sizes; data). Raises InputError for another type, or a length that disagrees with the header.
    """
    if len(payload) < 4 or payload[:2] != b"\0\0":
        raise InputError(f"{name}: not an idx file (it must begin with two zero bytes)")
    kind, rank = payload[2], payload[3]
    if kind != _UBYTE:
        raise InputError(f"{name}: idx type {kind:#04x}; only unsigned bytes (0x08) are read")
    header = 4 + 4 * rank
    if not 1 <= rank <= MOST_AXES:
        raise InputError(f"{name}: {rank} axes; 1 to {MOST_AXES} are read")
    if len(payload) < header:
        raise InputError(f"{name}: the idx header is cut short")
    shape = struct.unpack(f">{rank}I", payload[4:header])
    if 0 in shape:
        raise InputError(f"{name}: header says {' × '.join(map(str, shape))}: empty")
    expected = header + math.prod(shape)
    if len(payload) != expected:
        raise InputError(
            f"{name}: header says {' × '.join(map(str, shape))}, so {expected} bytes; "
            f"found {len(payload)}"
        )
    return np.frombuffer(payload, np.uint8, offset=header).reshape(shape)
