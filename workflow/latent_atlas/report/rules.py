"""The data's way through the rules, as a picture in Mermaid's notation."""

import re
import subprocess
import sys

from latent_atlas.errors import InputError

COMMAND = ("snakemake", "--rulegraph", "mermaid-js", "--configfile", "config/paper.yaml")


def rule_graph() -> str:
    """Which rule's outputs others read, at published scale; a way that a longer one covers is left
    out. InputError where Snakemake cannot plan."""
    drawn = subprocess.run([sys.executable, "-m", *COMMAND], capture_output=True, text=True)
    if drawn.returncode:
        raise InputError(f"{' '.join(COMMAND)}: {drawn.stderr.strip()}")
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", drawn.stdout, re.MULTILINE))
    arrows = {
        (names[a], names[b])
        for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)", drawn.stdout, re.MULTILINE)
        if a != b
    }
    lines = [f"    {a} --> {b}" for a, b in sorted(direct(arrows))]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def direct(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """As few of a graph's arrows as reach what all of them reach."""
    kept = set(arrows)
    for arrow in sorted(arrows):
        if arrow[1] in _reached(arrow[0], kept - {arrow}):
            kept.remove(arrow)
    return kept


def _reached(start: str, arrows: set[tuple[str, str]]) -> set[str]:
    found, waiting = set(), [start]
    while waiting:
        node = waiting.pop()
        new = {b for a, b in arrows if a == node} - found
        found |= new
        waiting += new
    return found
