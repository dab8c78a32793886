"""Drawings whose marks are points, intervals and bars."""

from __future__ import annotations

import altair as alt

from rectune_dsl.report.charts.marks import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    across,
    chart,
    colored,
    layered,
    limit,
    shaped,
    up,
    zero,
)
from rectune_dsl.report.pages.blocks import Row

_STANDINGS = (
    ("kept", GREEN, "circle"),
    ("open", BLUE, "diamond"),
    ("broken", ORANGE, "triangle-down"),
    ("stopped", ORANGE, "cross"),
    ("no guardrail", GREY, "square"),
    ("clear", BLUE, "circle"),
    ("unclear", GREY, "square"),
)
_ROLES = (
    ("control", GREY, "square"),
    ("arm", BLUE, "circle"),
    ("elite", GREEN, "diamond"),
    ("recommended", PURPLE, "triangle-up"),
    ("stopped", ORANGE, "cross"),
)
_HITS = (("yes", BLUE, "circle"), ("no", ORANGE, "triangle-down"))
_FEW = alt.Axis(tickCount=4, labelOverlap=False)
"""Ticks few enough that all are named: where some are left out, 0 may be among them."""
_STEP = 20
"""Pixels between rows."""
_HEIGHT = 240


def intervals(options: Row) -> alt.LayerChart:
    """A row per `name` with `value`, `low`, `high` and its `standing`.

    Options: `x` is the axis' title, `limit` a margin, `origin` whether 0 is drawn, `rows` how many there are.
    """
    title, at = str(options["x"]), options.get("limit")
    y = alt.Y("name:N", sort=None, title=None)
    color = colored("standing", _STANDINGS)
    bars = chart().mark_rule(strokeWidth=2).encode(x=across("low", title), x2="high:Q", y=y, color=color)
    dots = (
        chart()
        .mark_point(filled=True, size=60, opacity=1)
        .encode(
            x=across("value", title),
            y=y,
            color=color,
            shape=shaped("standing", _STANDINGS),
            tooltip=["name:N", "value:Q", "low:Q", "high:Q", "standing:N"],
        )
    )
    lines = [zero("x")] if options.get("origin") else []
    lines += [] if at is None else [limit("x", float(at))]
    return layered([*lines, bars, dots], _height(options))


def scatter(options: Row) -> alt.LayerChart:
    """A point per `name` at `x`, `y` with its `role`; `label` is written beside it.

    Options: the titles `x` and `y`, the `limit` of y, and whether there are `many`.
    """
    at, many = options.get("limit"), options.get("many")
    base = chart().encode(
        x=across("x", str(options["x"])),
        y=up("y", str(options["y"])),
    )
    dots = base.mark_point(filled=True, size=40 if many else 70, opacity=0.6 if many else 0.9).encode(
        color=colored("role", _ROLES),
        shape=shaped("role", _ROLES),
        tooltip=["name:N", "x:Q", "y:Q", "role:N"],
    )
    labels = base.mark_text(align="left", dx=7, dy=-5).encode(text="label:N")
    lines = [zero("x"), *([] if at is None else [limit("y", float(at))])]
    return layered([*lines, dots, labels], _HEIGHT)


def calibration(options: Row) -> alt.LayerChart:
    """A point per arm at `expected`, `measured`, each with a low and a high, and whether it was a `hit`.

    Options: the ends `least` and `most` of both axes.
    """
    ends = [float(options["least"] or 0.0), float(options["most"] or 0.0)]
    scale = alt.Scale(domain=ends, nice=False)
    predicted, measured = "predicted lift, %", "measured lift, %"
    color = colored("hit", _HITS)
    diagonal = alt.Chart(alt.InlineData(values=[{"at": end} for end in ends]))
    agree = diagonal.mark_line(strokeDash=[4, 4], color=GREY, strokeWidth=1.5)
    thin = chart().mark_rule(opacity=0.35, clip=True).encode(color=color)
    dots = chart().mark_point(filled=True, size=55, opacity=0.9, clip=True)
    at = {"x": across("expected", predicted, scale), "y": up("measured", measured, scale)}
    layers = [
        agree.encode(x=across("at", predicted, scale), y=up("at", measured, scale)),
        thin.encode(x=across("expected_low", predicted, scale), x2="expected_high:Q", y=at["y"]),
        thin.encode(y=up("measured_low", measured, scale), y2="measured_high:Q", x=at["x"]),
        dots.encode(
            **at,
            color=color,
            shape=shaped("hit", _HITS),
            tooltip=["name:N", "expected:Q", "measured:Q", "hit:N"],
        ),
    ]
    return layered(layers, _HEIGHT)


def changes(options: Row) -> alt.LayerChart:
    """A bar per `name` from 0 to `value`. Options: `x`, the axis' title, and `rows`, how many there are."""
    bars = (
        chart()
        .mark_bar(height=10)
        .encode(
            x=alt.X("value:Q", title=str(options["x"]), axis=_FEW),
            y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
            color=alt.condition(alt.datum.value > 0, alt.value(BLUE), alt.value(ORANGE)),
            tooltip=["name:N", "value:Q"],
        )
    )
    return layered([bars, zero("x")], _height(options))


def counts(options: Row) -> alt.LayerChart:
    """A bar per `name` of height `value`. Options: titles `x` and `y`."""
    bars = (
        chart()
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("name:O", title=str(options["x"]), sort=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("value:Q", title=str(options["y"])),
            tooltip=["name:O", "value:Q"],
        )
    )
    return layered([bars], _HEIGHT)


def _height(options: Row) -> float:
    """Of a drawing that has a row for each of its names."""
    return _STEP * max(float(options["rows"] or 0), 1.0)
