"""What a search for hyper-parameters is (in `config/studies/*.yaml`)."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from latent_atlas.config.base import Config, Count, Id, Positive
from latent_atlas.config.experiments import Reading

Number = Annotated[float, Field(allow_inf_nan=False)]


class Range(Config):
    @model_validator(mode="after")
    def _ascending(self):
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}: swap or widen")
        return self


class IntRange(Range):
    """Whole numbers, both ends included."""

    kind: Literal["int"]
    low: int = Field(description="least value")
    high: int = Field(description="greatest value")


class FloatRange(Range):
    """Numbers, even or even in their logarithm."""

    kind: Literal["float"]
    low: Number = Field(description="least value")
    high: Number = Field(description="greatest value")


class LogRange(Range):
    kind: Literal["log"]
    low: Positive = Field(description="least value")
    high: Positive = Field(description="greatest value")


class Choices(Config):
    kind: Literal["choice"]
    values: list[str] = Field(description="one of these", min_length=2)


Space = Annotated[IntRange | FloatRange | LogRange | Choices, Field(discriminator="kind")]


class Search(Config):
    """Optuna's TPE with median pruning; validation decides, never test."""

    id: Id = Field(description="unique among all that studies run")
    title: str = Field(description="as figures and tables call it")
    reading: Reading = Field(description="of which reading of the report it is")
    base: Id = Field(description="the experiment or classifier whose keys are tuned")
    trials: Count = Field(description="how many, those that an earlier run has finished included")
    space: dict[str, Space] = Field(
        min_length=1, description="by key of the base, such as training.learning_rate"
    )
    published: dict[str, Any] = Field(description="what the report found, by the same keys")


def with_values(base: dict, values: dict[str, Any]) -> dict:
    """`base` with the values of dotted keys replaced; KeyError where the base has no such key."""
    changed = dict(base)
    for key, value in values.items():
        head, _, rest = key.partition(".")
        if head not in changed:
            raise KeyError(key)
        changed[head] = with_values(changed[head], {rest: value}) if rest else value
    return changed


def lowest(space: dict[str, Space]) -> dict[str, Any]:
    return {k: axis.values[0] if axis.kind == "choice" else axis.low for k, axis in space.items()}


def highest(space: dict[str, Space]) -> dict[str, Any]:
    return {k: axis.values[-1] if axis.kind == "choice" else axis.high for k, axis in space.items()}


class Best(Config):
    """`best.json`: what a search found, read by the training of whatever names the search."""

    search: Id = Field(description="whose best it is")
    trial: Annotated[int, Field(ge=0)] = Field(description="counted from 0")
    value: Number = Field(description="validation loss, or accuracy in percent of a classifier")
    values: dict[str, int | float | str] = Field(description="by key of the search's base")
