"""How torch uses the processor."""

import ctypes
import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Of glibc's `mallopt` (malloc.h)."""
KEPT, LARGEST = 2**30, 2**25
"""Bytes that glibc keeps, and of the largest tensor for which it may do so."""


def prepare_torch(threads: int) -> None:
    """Pin torch's threads; let the calling thread take numbers below 1e-38 for 0: a network whose
    weights decay towards 0 trains ten times slower where they are kept. Take memory for large
    tensors in large pages, and the faster of torch's two libraries for matrix products."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    import torch

    keep_freed_memory()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if torch.backends.cpu.get_cpu_capability() == "AVX512" and _made_by_amd():
        multiply_by_onednn()


def keep_freed_memory() -> None:
    """For the next step, which takes as much again: glibc gives it back to the system otherwise and
    then gets it page by page."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(TRIM_THRESHOLD, KEPT)
        library.mallopt(MMAP_THRESHOLD, LARGEST)


def multiply_by_onednn() -> None:
    """Matrix products by oneDNN, which has AVX-512 kernels for every maker's processors; MKL keeps
    those of others than Intel to half the width.

    torch hands them to oneDNN only where they may be rounded to bfloat16. Kept to instructions that
    know no bfloat16, oneDNN rounds to float32 as ever; where a product is not exact that would be,
    everything stays as it was.
    """
    import torch

    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    numbers = torch.rand(64, 64, generator=torch.Generator().manual_seed(0))
    if not torch.equal(numbers @ torch.eye(64), numbers):
        torch.backends.mkldnn.matmul.fp32_precision = "none"


def _made_by_amd() -> bool:
    return CPUINFO.exists() and "AuthenticAMD" in CPUINFO.read_text("utf-8")
