"""What a sweep over hyper-parameters is (in `config/studies/*.yaml`)."""

import itertools
from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from latent_atlas.config.base import Config, Count, Id
from latent_atlas.config.experiments import Reading
from latent_atlas.config.networks import STACKED
from latent_atlas.config.stacks import Member, stacks_of

Value = int | Annotated[float, Field(allow_inf_nan=False)]
Point = dict[str, Value]
RATES = ("training.learning_rate", "training.weight_decay")
"""Keys in which members of a stack may differ."""


class Sweep(Config):
    """One experiment trained with many combinations of values; how well each validates is all that
    is kept."""

    id: Id = Field(description="unique among all that studies run")
    title: str = Field(description="as figures and tables call it")
    reading: Reading = Field(description="of which reading of the report it is")
    base: Id = Field(description="the experiment whose keys are swept; it holds images out")
    grid: dict[str, Annotated[list[Value], Field(min_length=2)]] | None = Field(
        default=None,
        min_length=1,
        description="every combination of these, by key of the base, such as model.latent",
    )
    points: Annotated[list[Point], Field(min_length=2)] | None = Field(
        default=None, description="instead of a grid: these alone, each with the same keys"
    )
    epochs: Count | None = Field(default=None, description="empty: as many as the base's")
    seeds: Count | None = Field(default=None, description="at most so many of the run's seeds")

    @model_validator(mode="after")
    def _one_list(self):
        if (self.grid is None) == (self.points is None):
            raise ValueError("needs either grid or points")
        if self.points and any(
            point.keys() != set(self.keys) or not point for point in self.points
        ):
            raise ValueError(f"points: each needs the keys of the first, {self.keys}")
        twice = [name for name, count in Counter(map(_name, self._listed())).items() if count > 1]
        if twice:
            raise ValueError(f"the point {twice[0]} stands twice, to six digits: remove one")
        return self

    @property
    def keys(self) -> list[str]:
        return list(self.grid or self.points[0])

    def named_points(self) -> dict[str, Point]:
        """Name of each combination, such as "20" or "0.001+1e-05", to its values by key."""
        return {_name(point): point for point in self._listed()}

    def stacks(self, family: str, members: list[Member], most: int) -> list[list[Member]]:
        """Members that can be trained together, where the base is of this family."""
        apart = [key for key in self.keys if family not in STACKED or key not in RATES]
        points = self.named_points()
        return stacks_of(members, most, lambda m: tuple(points[m[0]][key] for key in apart))

    def _listed(self) -> list[Point]:
        if self.points:
            return [{key: point[key] for key in self.keys} for point in self.points]
        combinations = itertools.product(*self.grid.values())
        return [dict(zip(self.grid, values, strict=True)) for values in combinations]


def _name(point: Point) -> str:
    return "+".join(f"{value:g}" for value in point.values())
