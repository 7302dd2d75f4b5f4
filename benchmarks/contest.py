"""Contenders, each in processes of its own, take turns."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from benchmarks.cases import CASES, DATA, ROOT, STEPS
from benchmarks.data import WAYS

CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Contender:
    """`way` names a function of `worker.py`; each of `processes` trains `seeds`, with an equal
    share of the cores as threads, on `device`."""

    case: str
    way: str
    seeds: int = 1
    processes: int = 1
    device: str = "cpu"

    @property
    def name(self) -> str:
        if self.case in DATA:
            return self.way
        title = {
            "ours": "ours",
            "pictures": "tutorial's loop",
            "tensors": "the same, tensors in memory",
            "pythae": "pythae",
            "lightning": "Lightning",
            "authors": "as the authors' code does",
        }[self.way]
        stacked = (
            f", {self.seeds} seed{'s' if self.seeds > 1 else ''}" if self.way == "ours" else ""
        )
        return title + stacked + (f", {self.processes} processes" if self.processes > 1 else "")

    @property
    def threads(self) -> int:
        return max(1, CORES // self.processes)

    @property
    def work(self) -> int:
        """In the case's unit, of all processes together."""
        if self.case in DATA:
            return DATA[self.case].amount
        case = CASES[self.case]
        return self.processes * self.seeds * (case.epochs or case.images * STEPS)


def contenders(case: str, device: str = "cpu") -> list[Contender]:
    """Everything that is timed beside each other; on a GPU, the project and tutorials' loops."""
    if device == "cuda":
        entered = [("ours", 1), ("ours", 5), ("ours", 16), ("pictures", 1), ("tensors", 1)]
        return [Contender(case, way, seeds, device=device) for way, seeds in entered]
    if case in DATA:
        return [Contender(case, way) for way in WAYS[case]]
    if CASES[case].epochs == 0:
        ours = [Contender(case, "ours", n, p) for n, p in ((1, 1), (5, 1), (1, CORES))]
        return [*ours, Contender(case, "authors"), Contender(case, "authors", processes=CORES)]
    widths = (1, 5, 16) if case == "auto-decoder" else (1, 5)
    rivals = ["pictures", "tensors"]
    if case != "auto-decoder":
        rivals += ["pythae", "lightning"]
    return [
        Contender(case, way, seeds, processes)
        for way, seeds in [*(("ours", n) for n in widths), *((rival, 1) for rival in rivals)]
        for processes in sorted({1, CORES})
    ]


def seconds(contender: Contender) -> float:
    """From the moment all of its processes are ready until the last is done."""
    threads = str(contender.threads)
    command = [sys.executable, "-m", "benchmarks.worker", contender.case, contender.way]
    command += [str(contender.seeds), threads, contender.device]
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as said:
        environment = os.environ | {
            "OMP_NUM_THREADS": threads,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'workflow'}",
            "TMPDIR": scratch,
        }
        running = [
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                text=True,
            )
            for _ in range(contender.processes)
        ]
        try:
            _expect("ready", running)
            begin = time.perf_counter()
            for process in running:
                process.stdin.write("go\n")
                process.stdin.flush()
            _expect("done", running)
            return time.perf_counter() - begin
        except ChildProcessError as error:
            said.seek(0)
            raise RuntimeError(f"{contender.case}, {contender.name}: {said.read()}") from error
        finally:
            for process in running:
                process.kill()
                process.wait()


def _expect(word: str, running: list[subprocess.Popen]) -> None:
    for process in running:
        if process.stdout.readline().strip() != word:
            raise ChildProcessError
