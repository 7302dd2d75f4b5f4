"""What a sweep over hyper-parameters is (in `config/studies/*.yaml`)."""

import itertools
from typing import Annotated

from pydantic import Field

from latent_atlas.config.base import Config, Count, Id
from latent_atlas.config.experiments import Reading

Value = int | Annotated[float, Field(allow_inf_nan=False)]


class Sweep(Config):
    """One experiment trained with every combination of some values, all seeds of each stacked; how
    well each validates is all that is kept."""

    id: Id
    title: str
    reading: Reading
    base: Id = Field(description="the experiment whose keys are swept; it holds images out")
    grid: dict[str, Annotated[list[Value], Field(min_length=2)]] = Field(
        min_length=1, max_length=2, description="by key of the base, such as model.latent"
    )
    epochs: Count | None = Field(default=None, description="empty: as many as the base's")
    seeds: Count | None = Field(default=None, description="at most so many of the run's seeds")

    def points(self) -> dict[str, dict[str, Value]]:
        """Name of each combination, such as "20" or "0.001+1e-05", to its values by key."""
        combinations = itertools.product(*self.grid.values())
        return {
            "+".join(f"{value:g}" for value in values): dict(zip(self.grid, values, strict=True))
            for values in combinations
        }
