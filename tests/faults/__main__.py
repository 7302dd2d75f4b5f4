"""`make faults`: a campaign of a quarter of an hour on two cores, and its table."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from faults.inputs import configuration_outcomes, dataset_outcome, file_cases
from faults.kills import KINDS, STAGES, Chain, Stage, reference, run_chain, seconds_of
from faults.others import FAULTS, Fault
from faults.server import slow_server

ROUNDS = 4
KILLS = 9
AT_ONCE = 2 * (os.cpu_count() or 1)
"""Chains; half of them wait, mostly."""


def campaign(folder: Path, rounds: int, kills: int, minutes: float) -> tuple[list, list]:
    """Chains of kills, then every other fault; no chain is begun after so many minutes. Rows of
    the table, and what did not survive."""
    begun, seed = time.monotonic(), random.SystemRandom().randrange(10**6)
    with slow_server() as downloaded:
        whole = reference(folder / "reference", downloaded)

        def seconds(stage: Stage) -> float:
            return seconds_of(whole, folder / f"timed-{stage.name}", stage)

        def chain(number: int, stage: str) -> Chain | None:
            if time.monotonic() - begun > 60 * minutes:
                return None
            own = folder / f"chain-{number}-{stage}"
            return run_chain(whole, own, STAGES[stage], longest[stage], kills, seed + number)

        def other(number: int, fault: Fault) -> list[str]:
            copy = whole.copy(folder / f"other-{number}")
            said = fault(whole, copy)
            shutil.rmtree(copy.folder)
            return said

        asked = [stage for _ in range(rounds) for stage in STAGES]
        named = [(name, fault) for name, faults in FAULTS.items() for fault in faults]
        others = defaultdict(list)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            longest = dict(zip(STAGES, pool.map(seconds, STAGES.values()), strict=True))
            found = pool.map(chain, range(len(asked)), asked)
            told = pool.map(other, range(len(named)), (fault for _, fault in named))
            chains = [c for c in tqdm(found, desc="chains", total=len(asked)) if c]
            told = tqdm(told, desc="other faults", total=len(named))
            for (name, _), said in zip(named, told, strict=True):
                others[name].append(said)
    rows = list(killed_rows(chains))
    rows += [(name, len(tries), sum(not said for said in tries)) for name, tries in others.items()]
    broken = [str(c) for c in chains if not c.survived]
    return rows, broken + [f"{n}: {said}" for n, tries in others.items() for said in tries if said]


def killed_rows(chains: list[Chain]):
    for stage in STAGES:
        own = [c for c in chains if c.stage == stage]
        kills = sum((c.kills for c in own), Counter())
        each = ", ".join(f"{kills[kind]} {kind}" for kind in KINDS)
        survived = sum(c.kills.total() for c in own if c.survived)
        yield f"SIGKILL, {stage}: {each}; {len(own)} chains", kills.total(), survived


def inputs(folder: Path) -> tuple[list, list]:
    outcomes = list(configuration_outcomes())
    for number, case in enumerate(tqdm(file_cases(), desc="inputs")):
        (own := folder / f"input-{number}").mkdir()
        outcomes.append(dataset_outcome(case, own))
    outcomes = [o for o in outcomes if o.error or o.faults]
    kinds = Counter(o.kind for o in outcomes)
    well = Counter(o.kind for o in outcomes if not o.faults)
    rows = [(f"malformed {kind}", count, well[kind]) for kind, count in kinds.items()]
    return rows, [str(o) for o in outcomes if o.faults]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="chains of every stage")
    parser.add_argument("--kills", type=int, default=KILLS, help="of a chain")
    parser.add_argument("--minutes", type=float, default=11)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows, broken = campaign(Path(name), arguments.rounds, arguments.kills, arguments.minutes)
        more, also = inputs(Path(name))
    print("| fault | tries | survived |\n|---|---:|---:|")
    for row in [*rows, *more]:
        print("| {} | {} | {} |".format(*row))
    for line in [*broken, *also]:
        print(line)
    sys.exit(bool(broken or also))


if __name__ == "__main__":
    main()
