"""What makes torch fast does so and leaves its results alone."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from latent_atlas.models.layers import SMALL, StackedLinear
from latent_atlas.processor import multiply_by_onednn
from latent_atlas.streams import torch_streams


def test_products_are_rounded_to_float32():
    """Within the bound on a sum of 784 products, n·2⁻²⁴ of the sum of their sizes (Higham 2002,
    §3.1); to bfloat16 they would be rounded 2¹⁶ times as coarsely."""
    x, y = torch.randn(2, 784, 784, generator=torch.Generator().manual_seed(1))
    error = (x @ y).double() - x.double() @ y.double()
    assert (error.abs() <= 784 * 2**-24 * (x.abs() @ y.abs())).all()


def test_a_library_that_rounds_more_coarsely_is_not_taken(monkeypatch):
    monkeypatch.setattr(torch, "equal", lambda *_: False)
    multiply_by_onednn()
    assert torch.backends.mkldnn.matmul.fp32_precision == "none"


SIZES = [(2, 64), (16, 32), (64, 128), (20, 400), (400, 784)]


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 32])
@pytest.mark.parametrize(("fan_in", "fan_out"), SIZES)
def test_a_seed_rounds_alone_as_in_a_stack(rows, fan_in, fan_out):
    """On both sides of the size at which torch changes the library."""
    assert 2 * 64 < SMALL < 32 * 64 * 128
    layer = StackedLinear(fan_in, fan_out, torch_streams("layer", [0, 1, 2], "weights"))
    lone = StackedLinear(fan_in, fan_out, torch_streams("layer", [1], "weights"))
    x = torch.randn(3, rows, fan_in, generator=torch.Generator().manual_seed(2))
    stacked, alone = x.requires_grad_(), x[1:2].detach().clone().requires_grad_()
    together, single = layer(stacked), lone(alone)
    together.square().sum().backward()
    single.square().sum().backward()
    for one, other in (
        (single[0], together[1]),
        (alone.grad[0], stacked.grad[1]),
        (lone.weight.grad[0], layer.weight.grad[1]),
        (lone.bias.grad[0], layer.bias.grad[1]),
    ):
        assert torch.equal(one, other)


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def page_faults(warm_up: str, counted: str, **environment: str) -> int:
    """Of a process of its own, in `counted`; 64 MiB are 16,384 pages of the usual size."""
    code = (
        "import resource, torch\n"
        "from latent_atlas.processor import prepare_torch\n"
        "prepare_torch(1)\n"
        f"{warm_up}\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        f"{counted}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
    )
    command, environment = [sys.executable, "-c", code], os.environ | environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text("utf-8"), reason="no large pages"
)
def test_large_tensors_lie_in_large_pages():
    assert page_faults("", "torch.empty(2**24).fill_(1.0)") < 2000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another library than glibc")
def test_a_step_finds_the_memory_of_the_last_one():
    """A few steps find a place for eight tensors, which depends on where the process lies."""
    step = "[torch.ones(2**21) for _ in range(8)]"
    faults = page_faults(f"for _ in range(9): {step}", step, THP_MEM_ALLOC_ENABLE="0")
    assert faults < 2000
