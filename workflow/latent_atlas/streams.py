"""Named random streams: one independent stream a purpose, so that drawing more for one purpose
(noise, say) never moves another (initialisation, shuffling)."""

import hashlib

import numpy as np


def stream_seed(*name: str | int) -> int:
    """A 63-bit seed from a name such as ("ad", 3, "shuffle"); equal names give equal seeds."""
    digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def numpy_stream(*name: str | int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(stream_seed(*name)))


def torch_streams(experiment: str, seeds: list[int], purpose: str) -> list:
    """One CPU `torch.Generator` a seed."""
    import torch

    return [torch.Generator().manual_seed(stream_seed(experiment, s, purpose)) for s in seeds]


def stream_states(streams: list):
    """Where each stream is, uint8 [S,bytes]."""
    import torch

    return torch.stack([stream.get_state() for stream in streams])


def set_streams(streams: list, states) -> None:
    """Back to `stream_states`; copies, as torch reads a state from the start of its memory."""
    for stream, state in zip(streams, states, strict=True):
        stream.set_state(state.clone())
