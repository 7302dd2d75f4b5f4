"""What the benchmarks measured, as Markdown."""

from pathlib import Path

import pandas as pd

from latent_atlas.files import read_table, read_table_metadata

NOTHING = "Nothing has been measured yet: `make bench`."


def performance(measured: Path) -> str:
    """A table a case of `benchmarks/measured`, best first, its figure where there is one, and the
    machine it was measured on."""
    files = sorted(measured.glob("*.parquet"))
    return "\n\n".join(map(_case, files)) if files else NOTHING


def _case(path: Path) -> str:
    facts = read_table_metadata(path).get("machine", {})
    machine = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items())
    figure = path.with_suffix(".svg")
    drawn = f"![{path.stem}](../{figure.as_posix()})\n\n" if figure.exists() else ""
    return f"## {path.stem}\n\n{drawn}{_table(read_table(path))}\n\n{machine}."


def _table(frame: pd.DataFrame) -> str:
    if "rate" not in frame:
        shown = frame
    else:
        shown = frame.sort_values("rate", ascending=False)
        best = shown[~shown.contender.str.startswith("ours")].rate.max()
        shown = pd.DataFrame(
            {
                "contender": shown.contender,
                f"{shown.unit.iloc[0]}/s": shown.rate,
                "lowest": shown.lowest,
                "highest": shown.highest,
                "over the best rival": shown.rate / best,
                "of the floor": shown.of_floor,
                "binds": shown.binds,
                "turns": shown.repeats,
            }
        )
    rows = [list(shown.columns), ["---:" if k.kind in "fi" else "---" for k in shown.dtypes]]
    rows += [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: object) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else str(value)
