"""`python -m benchmarks [CASE …] [--repeats N]`: time contenders in turn, write the table."""

import argparse
import os
import platform
import statistics
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from benchmarks import gpu, growth, pipeline
from benchmarks.cases import CASES, DATA
from benchmarks.contest import CORES, contenders, seconds
from benchmarks.floor import Rates, data_floor, floor, rates
from latent_atlas.files import write_table

MEASURED = Path(__file__).parent / "measured"
EVERY = [*CASES, *DATA, "pipeline", "growth"]
ON_GPU = [*(name for name, case in CASES.items() if case.epochs), "published"]


def machine(measured: Rates, device: str) -> dict[str, object]:
    """What the times are of."""
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    graphics = {"gpu": torch.cuda.get_device_name()} if device == "cuda" else {}
    return graphics | {
        "processor": model[0] if model else platform.processor(),
        "cores": CORES,
        "matrix_gflops": round(measured.matrix / 1e9, 1),
        "copy_gbytes": round(measured.copy / 1e9, 1),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def timed(case: str, repeats: int, measured: Rates, device: str) -> pd.DataFrame:
    """One row a contender: its median rate in units/s, the lowest and the highest, and the share of
    the rate that the floor allows."""
    entered = contenders(case, device)
    least = data_floor(DATA[case], measured) if case in DATA else floor(CASES[case], measured)
    times: dict[str, list[float]] = {contender.name: [] for contender in entered}
    turns = [contender for _ in range(repeats) for contender in entered]
    for contender in tqdm(turns, desc=case):
        times[contender.name].append(seconds(contender))
    rows = []
    for contender in entered:
        found = [contender.work / taken for taken in times[contender.name]]
        rows.append(
            {
                "case": case,
                "contender": contender.name,
                "seeds": contender.seeds,
                "processes": contender.processes,
                "threads": contender.threads,
                "unit": (CASES | DATA)[case].unit,
                "rate": statistics.median(found),
                "lowest": min(found),
                "highest": max(found),
                "repeats": repeats,
                "floor_rate": 1 / least.seconds,
                "of_floor": statistics.median(found) * least.seconds,
                "binds": least.binds,
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(EVERY))
    parser.add_argument("--repeats", type=int, default=5, help="turns of each contender")
    parser.add_argument("--gpu", action="store_true", help=f"on a GPU: {', '.join(ON_GPU)}")
    chosen = parser.parse_args()
    every = ON_GPU if chosen.gpu else EVERY
    if unknown := set(chosen.cases) - set(every):
        parser.error(f"no case {', '.join(sorted(unknown))}: choose from {', '.join(every)}")
    if chosen.gpu and not torch.cuda.is_available():
        parser.error("--gpu: torch sees no GPU here")
    device = "cuda" if chosen.gpu else "cpu"
    measured = rates(CORES, device)
    facts = {"machine": machine(measured, device)}
    MEASURED.mkdir(exist_ok=True)
    for case in chosen.cases or every:
        for name, table in tables(case, chosen.repeats, measured, device).items():
            write_table(MEASURED / f"{name}.parquet", table, **facts)
            print(table.to_string(index=False))


def tables(case: str, repeats: int, measured: Rates, device: str) -> dict[str, pd.DataFrame]:
    """What a case measures, by the names of the files."""
    if case == "pipeline":
        return {case: pipeline.measured()}
    if case == "growth":
        points = growth.measured()
        growth.draw(points).savefig(MEASURED / "growth.svg", metadata={"Date": None})
        return {case: growth.exponents(points), "growth-points": points}
    if case == "published":
        return {"gpu-published": gpu.published_seconds()}
    if device == "cpu":
        return {case: timed(case, repeats, measured, device)}
    occupied = [gpu.occupied(CASES[case], seeds) for seeds in (1, 16)]
    return {
        f"gpu-{case}": timed(case, repeats, measured, device),
        f"gpu-{case}-occupied": pd.DataFrame(occupied),
    }


if __name__ == "__main__":
    main()
