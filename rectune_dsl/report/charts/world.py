"""Drawings of a simulated world. They stand in a picture with no words around it, so they have legends.

The option `names` holds what is told apart, a line each, in the order of the legend; `x` and `y` are the
titles of axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from rectune_dsl.report.charts.marks import (
    BLUE,
    DASHES,
    GREY,
    HUES,
    ORANGE,
    SHAPES,
    TEXT,
    across,
    chart,
    cycled,
    layered,
    level,
    up,
)
from rectune_dsl.report.pages.blocks import Row

_STROKE = "M-.12,-.9H.12V.9H-.12Z"
"""A symbol: an upright stroke."""
_LOG = alt.Scale(type="log", nice=False, padding=14)
_EXACT = alt.Scale(nice=False)
_FROM_ZERO = alt.Scale(zero=True, nice=True)
_FACTORS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 3, 5, 10, 20]
"""Where an axis of factors has its ticks."""
_LEGEND = alt.Legend(title=None, columns=4, symbolOpacity=1, symbolStrokeWidth=1)
_HEIGHT = 260


def rates(options: Row) -> alt.LayerChart:
    """A row per `name` with points at `value`, on a log scale, of two kinds and of the targets of both.
    Options: `x`; `names` of the kinds."""
    x = across("value", str(options["x"]), _LOG, _powers())
    return _pairs(options, [BLUE, ORANGE, TEXT], [*SHAPES[:2], _STROKE], x)


def aucs(options: Row) -> alt.LayerChart:
    """A row per `name` with points at `value` of two kinds. Options: `x`; `names` of the kinds."""
    x = across("value", str(options["x"]), axis=alt.Axis(tickCount=7))
    return _pairs(options, [GREY, TEXT], SHAPES, x)


def reliability(options: Row) -> alt.LayerChart:
    """A line per kind through `y` at `x`, both on log scales. Options: `x`, `y`; `names` of the kinds."""
    y = up("y", str(options["y"]), _LOG).axis(alt.Axis(values=_FACTORS, format="~g"))
    base = _curves(options, across("x", str(options["x"]), _LOG, _powers()), y)
    lines = base.mark_line(strokeWidth=1.5).encode(strokeDash=_dashed(options))
    dots = base.mark_point(filled=True, size=26, opacity=1).encode(shape=_shaped(options, SHAPES))
    return layered([level("y", 1.0), lines, dots], _HEIGHT)


def topics(options: Row) -> alt.LayerChart:
    """At each `name` points of height `value`, a kind each, and a bar for the last kind. Options: `x`, `y`;
    `names` of the kinds."""
    axis = alt.Axis(labelAngle=0, grid=False)
    base = chart().encode(
        x=alt.X("name:N", title=str(options["x"]), sort=None, axis=axis),
        y=_from_zero("value", options),
        color=_hued(options, [BLUE, ORANGE, GREY]),
    )
    *_, catalogue = _names(options)
    bars = base.transform_filter(alt.datum.kind == catalogue).mark_bar(opacity=0.35)
    dots = base.transform_filter(alt.datum.kind != catalogue).mark_point(filled=True, size=45, opacity=1)
    return layered([bars, dots.encode(shape=_shaped(options, [*SHAPES[:2], "square"]))], _HEIGHT)


def users(options: Row) -> alt.LayerChart:
    """A stepped area per kind: `y` from `x` to the next. Options: `x`, `y`; `names` of the kinds."""
    x, y = across("x", str(options["x"]), _EXACT), _from_zero("y", options)
    fill = alt.Fill("kind:N", scale=cycled(_names(options), HUES), legend=None)
    areas = chart().mark_area(interpolate="step-after", opacity=0.25).encode(x=x, y=y, fill=fill)
    lines = _curves(options, x, y).mark_line(interpolate="step-after", strokeWidth=1.5)
    return layered([areas, lines.encode(strokeDash=_dashed(options))], _HEIGHT)


def concentration(options: Row) -> alt.LayerChart:
    """A line per kind through `y` at `x`, on a log scale; points that have a `label` are marked and named.
    Options: `x`, `y`; `names` of the kinds."""
    x = across("x", str(options["x"]), _LOG, _powers())
    base = _curves(options, x, _from_zero("y", options))
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=_dashed(options))
    marked = base.transform_filter("isValid(datum.label)")
    dots = marked.mark_point(filled=True, size=70, opacity=1).encode(shape=_shaped(options, SHAPES))
    texts = marked.mark_text(align="right", dx=-7, dy=-8).encode(text="label:N", color=alt.value(TEXT))
    return layered([lines, dots, texts], _HEIGHT)


def _pairs(options: Row, hues: Sequence[str], shapes: Sequence[str], x: alt.X) -> alt.LayerChart:
    """Rows from top to bottom, each with a band between the first two kinds."""
    base = chart().encode(x=x, y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(grid=True)))
    pair = base.transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=_names(options)[:2]))
    bands = pair.mark_line(color=GREY, strokeWidth=3, opacity=0.4).encode(detail="name:N")
    dots = base.mark_point(filled=True, size=60, opacity=1)
    return layered([bands, dots.encode(color=_hued(options, hues), shape=_shaped(options, shapes))], _HEIGHT)


def _curves(options: Row, x: alt.X, y: alt.Y) -> alt.Chart:
    found: alt.Chart = chart().encode(x=x, y=y, color=_hued(options, HUES))
    return found


def _from_zero(field: str, options: Row) -> alt.Y:
    return up(field, str(options["y"]), _FROM_ZERO).stack(None)


def _hued(options: Row, hues: Sequence[str]) -> alt.Color:
    return alt.Color("kind:N", scale=cycled(_names(options), hues), legend=_LEGEND)


def _shaped(options: Row, shapes: Sequence[str]) -> alt.Shape:
    return alt.Shape("kind:N", scale=cycled(_names(options), shapes), legend=_LEGEND)


def _dashed(options: Row) -> alt.StrokeDash:
    return alt.StrokeDash("kind:N", scale=cycled(_names(options), DASHES), legend=_LEGEND)


def _names(options: Row) -> list[str]:
    return str(options["names"]).split("\n")


def _powers() -> alt.Axis:
    """Of a log scale: a label at each power of ten, and between them where there are few; lines at labels."""
    lines = alt.condition("datum.label !== ''", alt.value(1), alt.value(0))
    return alt.Axis(tickCount=5, format="~g", gridOpacity=lines)
