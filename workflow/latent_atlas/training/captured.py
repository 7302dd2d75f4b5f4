"""A GPU's step of training as one CUDA graph: one launch instead of one an operation."""

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor | None], Tensor]
"""Image numbers [S,B] and what is drawn for them, [S,…] or None, to sums [terms,S]."""
Launch = Callable[[], object]
Capture = Callable[[Callable[[], Tensor]], tuple[Launch, Tensor]]
TRIED = 2
"""Steps; the second is of what the first has moved."""
AGREEMENT = 0.01
"""How far a replayed tensor may lie from a stepped one, over how far that one has moved: the order
of a GPU's sums is not fixed."""


def cuda_graph(work: Callable[[], Tensor]) -> tuple[Launch, Tensor]:
    """What launches `work` again, on the numbers that then lie where the present ones do, and the
    tensor that holds its result."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = work()
    return graph.replay, out


def captured(
    step: Step,
    moved: Sequence[Tensor],
    index: Tensor,
    drawn: Tensor | None,
    capture: Capture = cuda_graph,
) -> Step:
    """`step` captured for batches of the shape of `index`, others taken as before; `step` itself
    where it cannot be captured or where its graph does not do to `moved`, all that it changes, what
    the step does. `moved` is afterwards as it was."""
    start = [tensor.detach().clone() for tensor in moved]
    try:
        stepped = _after(lambda: step(index, drawn), moved)
        _put(moved, start)
        graph = Graph(step, index, drawn, capture)
        replayed = _after(lambda: graph(index, drawn), moved)
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        logging.warning("a step cannot be captured as a CUDA graph (%s): it goes without", reason)
        return step
    finally:
        _put(moved, start)
    if not _agree(start, stepped, replayed):
        logging.warning("a captured step moves other than the step itself: it goes without")
        return step
    return graph


class Graph:
    """`step` on numbers that it finds at the same place each time."""

    def __init__(self, step: Step, index: Tensor, drawn: Tensor | None, capture: Capture):
        self.step = step
        self.index, self.drawn = index.clone(), None if drawn is None else drawn.clone()
        self.launch, self.out = capture(lambda: step(self.index, self.drawn))

    def __call__(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        if index.shape != self.index.shape:
            return self.step(index, drawn)
        self.index.copy_(index)
        if drawn is not None:
            self.drawn.copy_(drawn)
        self.launch()
        return self.out


def _after(work: Callable[[], Tensor], moved: Sequence[Tensor]) -> list[Tensor]:
    """`moved` after some steps, on a stream of their own, as torch wants it before a capture."""
    if moved[0].is_cuda:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(TRIED):
                work()
        torch.cuda.current_stream().wait_stream(aside)
    else:
        for _ in range(TRIED):
            work()
    return [tensor.detach().clone() for tensor in moved]


@torch.no_grad()
def _put(moved: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(moved, values, strict=True):
        tensor.copy_(value)


def _agree(start: list[Tensor], stepped: list[Tensor], replayed: list[Tensor]) -> bool:
    """False where anything is not finite."""
    return all(
        bool((other - one).norm() <= AGREEMENT * (one - before).norm())
        for before, one, other in zip(start, stepped, replayed, strict=True)
    )
