"""What drawings have in common: colours, shapes, axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

ROWS = "rows"
"""The name of a panel's data."""
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a8a8a"
TEXT = "currentColor"
"""The colour of the text around a chart; black where there is none."""
HUES = [BLUE, ORANGE, GREEN, PURPLE, GREY]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [12, 4]]
SHAPES = ["circle", "diamond", "triangle-up", "square", "cross", "triangle-down"]
"""Looks of many names (see `cycled`): the same three meet again after 30 of them."""
_TICKS = 10
"""About how many rounds an axis names."""
_LOOSE = alt.Scale(zero=False, nice=False, padding=14)
Kinds = Sequence[tuple[str, str, str]]
"""Names of what is told apart, each with its colour and its shape."""


def chart() -> alt.Chart:
    """Of the panel's rows."""
    return alt.Chart(alt.NamedData(name=ROWS))


def layered(layers: Sequence[alt.Chart], height: float) -> alt.LayerChart:
    """Drawn over each other, as wide as there is room."""
    width: Any = "container"
    return alt.LayerChart(layer=list(layers)).properties(width=width, height=height)


def across(field: str, title: str, scale: alt.Scale | None = None, axis: alt.Axis | None = None) -> alt.X:
    """A quantitative x axis that, with no other scale, need not begin at 0."""
    drawn = alt.X(f"{field}:Q", title=title, scale=scale or _LOOSE)
    return drawn if axis is None else drawn.axis(axis)


def up(field: str, title: str, scale: alt.Scale | None = None) -> alt.Y:
    """A quantitative y axis that, with no other scale, need not begin at 0."""
    return alt.Y(f"{field}:Q", title=title, scale=scale or _LOOSE)


def rounds(field: str, last: float) -> alt.X:
    """An axis of whole rounds, up to the last one. Its ticks are given: left to themselves, those of few
    rounds are halves, which a label rounds."""
    every = max(1, round(last / _TICKS))
    ticks: Any = [float(number) for number in range(every, int(last) + 1, every)]
    return across(field, "round", axis=alt.Axis(values=ticks, format="d"))


def zero(axis: str) -> alt.Chart:
    """A thin line at 0 of `x` or `y`: production."""
    return _rule(axis, 0.0, opacity=0.6)


def limit(axis: str, at: float) -> alt.Chart:
    """A dashed line at a guardrail's margin."""
    return _rule(axis, at, color=ORANGE, strokeDash=[5, 3], strokeWidth=1.5)


def level(axis: str, at: float) -> alt.Chart:
    """A thin dashed line at a value to compare with."""
    return _rule(axis, at, opacity=0.6, strokeDash=[4, 4])


def colored(field: str, kinds: Kinds) -> alt.Color:
    names, colors = [name for name, _, _ in kinds], [color for _, color, _ in kinds]
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=names, range=colors), legend=None)


def shaped(field: str, kinds: Kinds) -> alt.Shape:
    names, shapes = [name for name, _, _ in kinds], [shape for _, _, shape in kinds]
    return alt.Shape(f"{field}:N", scale=alt.Scale(domain=names, range=shapes), legend=None)


def cycled(names: Sequence[str], looks: Sequence[Any]) -> alt.Scale:
    """A look for each name; where there are more names than looks, they begin again."""
    return alt.Scale(domain=list(names), range=[looks[at % len(looks)] for at in range(len(names))])


def _rule(axis: str, at: float, **looks: Any) -> alt.Chart:
    """A line across the whole panel, at a value of `x` or `y`."""
    place: Any = {axis: alt.datum(at)}
    line: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_rule(**looks).encode(**place)
    return line
