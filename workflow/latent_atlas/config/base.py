"""The base of every configuration model."""

import difflib
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Config(BaseModel):
    """Frozen, strictly typed, and closed: an unknown key is an error that lists the known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key {key!r}; {nearest(key, cls.model_fields)}")
        return data


def nearest(found: object, allowed) -> str:
    """'allowed: a, b, c; did you mean b?'"""
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(str(found), names, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed: {', '.join(names) or 'none'}{guess}"
