"""Params: numbers and rows of numbers, constant or tuned within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from rectune_dsl.dsl.table import Listed, Table

MOST_COUNTED = 1_000_000
"""The largest number of candidates that a stage keeps, or a quota asks for."""


class Param(Table):
    """A tunable number. `scale = "log"` searches ratios instead of differences."""

    production: float
    """The value that serves today; inside the bounds."""
    low: float
    """The smallest value to try."""
    high: float
    """The largest value to try."""
    scale: Literal["linear", "log"] = "linear"
    """`log` searches ratios instead of differences, for weights over several powers of ten; needs low > 0."""
    type: Literal["float", "int"] = "float"
    """`int` for whole numbers, such as counts."""
    about: str = ""
    """What it does, for people and for agents that read."""


Count = Annotated[float, Field(ge=0, le=MOST_COUNTED)]


class KeepParam(Param):
    """A tunable count."""

    production: Count
    low: Count
    high: Count
    type: Literal["int"] = "int"
    """Counts are whole numbers."""


_COUNTED = Discriminator(lambda value: "KeepParam" if isinstance(value, Mapping | KeepParam) else "int")
Keep = Annotated[
    Annotated[int, Field(ge=1, le=MOST_COUNTED), Tag("int")] | Annotated[KeepParam, Tag("KeepParam")],
    _COUNTED,
]
Quota = Annotated[
    Annotated[int, Field(ge=0, le=MOST_COUNTED), Tag("int")] | Annotated[KeepParam, Tag("KeepParam")],
    _COUNTED,
]
Bounds = Annotated[
    Annotated[float, Tag("float")] | Annotated[tuple[float, ...], Listed, Tag("tuple")],
    Discriminator(lambda value: "tuple" if isinstance(value, list | tuple) else "float"),
]


class VectorParam(Table):
    """Tunable numbers in a row, such as the values of a utility curve. A single `low` or `high` holds for all
    of them; with `order` every config has them sorted."""

    production: Annotated[tuple[float, ...], Field(min_length=1, max_length=100), Listed]
    """The values that serve today, in a row; formulas read them as NAME or NAME[0], NAME[1], ..."""
    low: Bounds
    """The smallest value to try: one for all, or one for each."""
    high: Bounds
    """The largest value to try: one for all, or one for each."""
    scale: Literal["linear", "log"] = "linear"
    """`log` searches ratios instead of differences; needs low > 0."""
    order: Literal["nondecreasing", "nonincreasing"] | None = None
    """Keeps every config sorted, for utility curves that only rise or only fall."""
    about: str = ""
    """What they do, for people and for agents that read."""

    def elements(self, name: str) -> dict[str, Param]:
        """Its numbers as params `NAME[0]`, `NAME[1]`, ... A bound that is missing is the last one given."""
        lows, highs = (_at_length(ends, len(self.production)) for ends in (self.low, self.high))
        return {
            f"{name}[{i}]": Param(production=value, low=low, high=high, scale=self.scale, about=self.about)
            for i, (value, low, high) in enumerate(zip(self.production, lows, highs, strict=True))
        }


def _at_length(ends: float | tuple[float, ...], count: int) -> tuple[float, ...]:
    if not isinstance(ends, tuple):
        return (ends,) * count
    return (*ends, *ends[-1:] * count)[:count] if ends else (0.0,) * count


def _kind(value: Any) -> str:
    """Which kind of value a param's author had in mind."""
    if isinstance(value, list | tuple):
        return "tuple"
    if isinstance(value, Mapping):
        lists = (isinstance(value.get(key), list | tuple) for key in ("production", "low", "high"))
        return "VectorParam" if any(lists) or "order" in value else "Param"
    return type(value).__name__ if isinstance(value, Param | VectorParam) else "float"


Value = float | tuple[float, ...] | Param | VectorParam
"""A param: a constant or constants in a row, or what is tuned within bounds."""
ParamTable = Annotated[
    Annotated[float, Tag("float")]
    | Annotated[tuple[float, ...], Field(min_length=1, max_length=100), Listed, Tag("tuple")]
    | Annotated[Param, Tag("Param")]
    | Annotated[VectorParam, Tag("VectorParam")],
    Discriminator(_kind),
]


def constants_of(params: Mapping[str, Value]) -> dict[str, float]:
    """Numbers without bounds by name, the elements of vectors one by one."""
    found: dict[str, float] = {}
    for name, value in params.items():
        if isinstance(value, tuple):
            found |= {f"{name}[{i}]": float(v) for i, v in enumerate(value)}
        elif not isinstance(value, Param | VectorParam):
            found[name] = float(value)
    return found


def tunable_of(params: Mapping[str, Value], prefix: str = "") -> dict[str, Param]:
    found: dict[str, Param] = {}
    for name, value in params.items():
        if isinstance(value, VectorParam):
            found |= value.elements(prefix + name)
        elif isinstance(value, Param):
            found[prefix + name] = value
    return found
