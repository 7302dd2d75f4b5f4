"""`python -m benchmarks [CASE …] [--repeats N]`: time contenders in turn, write the table."""

import argparse
import os
import platform
import statistics
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from benchmarks import growth, pipeline
from benchmarks.cases import CASES, DATA
from benchmarks.contest import CORES, contenders, seconds
from benchmarks.floor import Rates, data_floor, floor, rates
from latent_atlas.files import write_table

MEASURED = Path(__file__).parent / "measured"
EVERY = [*CASES, *DATA, "pipeline", "growth"]


def machine(measured: Rates) -> dict[str, object]:
    """What the times are of."""
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": model[0] if model else platform.processor(),
        "cores": CORES,
        "matrix_gflops": round(measured.matrix / 1e9, 1),
        "copy_gbytes": round(measured.copy / 1e9, 1),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def timed(case: str, repeats: int, measured: Rates) -> pd.DataFrame:
    """One row a contender: its median rate in units/s, the lowest and the highest, and the share of
    the rate that the floor allows."""
    entered = contenders(case)
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
    chosen = parser.parse_args()
    if unknown := set(chosen.cases) - set(EVERY):
        parser.error(f"no case {', '.join(sorted(unknown))}: choose from {', '.join(EVERY)}")
    measured = rates(CORES)
    facts = {"machine": machine(measured)}
    MEASURED.mkdir(exist_ok=True)
    for case in chosen.cases or EVERY:
        if case == "pipeline":
            tables = {case: pipeline.measured()}
        elif case == "growth":
            points = growth.measured()
            growth.draw(points).savefig(MEASURED / "growth.svg", metadata={"Date": None})
            tables = {case: growth.exponents(points), "growth-points": points}
        else:
            tables = {case: timed(case, chosen.repeats, measured)}
        for name, table in tables.items():
            write_table(MEASURED / f"{name}.parquet", table, **facts)
            print(table.to_string(index=False))


if __name__ == "__main__":
    main()
