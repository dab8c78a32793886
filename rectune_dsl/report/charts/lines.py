"""Drawings whose marks are lines: over rounds, and across params."""

from __future__ import annotations

from typing import Any

import altair as alt

from rectune_dsl.report.charts.marks import (
    BLUE,
    DASHES,
    GREEN,
    GREY,
    HUES,
    ORANGE,
    PURPLE,
    SHAPES,
    chart,
    colored,
    cycled,
    layered,
    limit,
    rounds,
    shaped,
    up,
    zero,
)
from rectune_dsl.report.pages.blocks import Row

_SAFETY = (("safe", BLUE, "circle"), ("not safe", ORANGE, "triangle-down"), ("unknown", GREY, "square"))
_SAFETIES = [name for name, _, _ in _SAFETY]
_MARKED = (("production", "currentColor", "square"), ("recommended", PURPLE, "triangle-up"))
_HEIGHT = 260


def progress(options: Row) -> alt.LayerChart:
    """Rows of `kind` "arm" are points at `x` with `value`, `low`, `high` and their `safety`; those of "best"
    and "gain" are the steps of the best U and of the safe gain. Options: of `many` arms no
    interval is drawn; `rounds` is how many there are."""
    x, title, color = rounds("x", _last(options)), "U, %", colored("safety", _SAFETY)
    arms = chart().transform_filter(alt.datum.kind == "arm")
    bars = arms.mark_rule(opacity=0.75).encode(x=x, y=up("low", title), y2="high:Q", color=color)
    dots = arms.mark_point(**_dots(options)).encode(
        x=x,
        y=up("value", title),
        color=color,
        shape=shaped("safety", _SAFETY),
        tooltip=["name:N", "value:Q", "low:Q", "high:Q", "safety:N"],
    )
    steps = [
        chart()
        .transform_filter(alt.datum.kind == kind)
        .mark_line(interpolate="step-after", color=hue, strokeDash=dash, strokeWidth=2.5)
        .encode(x=x, y=up("value", title), tooltip=["name:N", "value:Q"])
        for kind, hue, dash in (("best", GREY, [4, 3]), ("gain", GREEN, [1, 0]))
    ]
    return layered([zero("y"), *([] if options.get("many") else [bars]), dots, *steps], _HEIGHT)


def chances(options: Row) -> alt.LayerChart:
    """Points at `x`, `p` with their `safety`. Options: `floor`, from which on arms are safe, and whether
    there are `many`; `rounds` is how many rounds there are."""
    dots = (
        chart()
        .mark_point(**_dots(options))
        .encode(
            x=rounds("x", _last(options)),
            y=up("p", "P(all guardrails hold)", alt.Scale(domain=[0, 1])),
            color=colored("safety", _SAFETY),
            shape=shaped("safety", _SAFETY),
            tooltip=["name:N", "p:Q", "safety:N"],
        )
    )
    return layered([limit("y", float(options["floor"] or 0.0)), dots], _HEIGHT)


def parallel(options: Row) -> alt.LayerChart:
    """A line per `name` through `unit` of each `param`: colour is `u`, dash is `safety`. Those whose `role`
    is "production" or "recommended" are marked. Options: `most`, the largest size of a U."""
    most = float(options["most"] or 1.0)
    tooltip = ["name:N", "param:N", "value:Q", "u:Q", "safety:N"]
    base = chart().encode(
        x=alt.X("param:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30, grid=True, labelLimit=120)),
        y=up("unit", "share of the range", alt.Scale(domain=[0, 1])),
        detail="name:N",
        tooltip=tooltip,
    )
    u = alt.Color(
        "u:Q",
        title="U, %",
        scale=alt.Scale(domain=[-most, 0, most], range=[ORANGE, GREY, BLUE]),
        legend=alt.Legend(gradientLength=160),
    )
    dashes = alt.Scale(domain=_SAFETIES, range=[[1, 0], [5, 4], [2, 3]])
    lines = (
        base.transform_filter(alt.datum.role == "arm")
        .mark_line(strokeWidth=1.6, opacity=0.75)
        .encode(color=u, strokeDash=alt.StrokeDash("safety:N", scale=dashes, legend=None))
    )
    marked = [
        base.transform_filter(alt.datum.role == role).mark_line(
            strokeWidth=3, stroke=hue, point=alt.OverlayMarkDef(shape=shape, color=hue, size=70)
        )
        for role, hue, shape in _MARKED
    ]
    return layered([lines, *marked], _HEIGHT)


def campaigns(options: Row) -> alt.LayerChart:
    """A stepped line per campaign `name` through `value` at `x`. Options: `y`, the axis' title, and `names`,
    a line each; `rounds` is how many the longest has."""
    names = str(options["names"]).split("\n")
    legend = alt.Legend(title=None, symbolStrokeWidth=2)
    base = chart().encode(
        x=rounds("x", _last(options)),
        y=up("value", str(options["y"])),
        color=alt.Color("name:N", scale=cycled(names, HUES), legend=legend),
        tooltip=["name:N", "x:Q", "value:Q"],
    )
    lines = base.mark_line(interpolate="step-after", strokeWidth=2.2).encode(
        strokeDash=alt.StrokeDash("name:N", scale=cycled(names, DASHES), legend=legend)
    )
    dots = base.mark_point(filled=True, size=45).encode(
        shape=alt.Shape("name:N", scale=cycled(names, SHAPES), legend=legend)
    )
    return layered([zero("y"), lines, dots], _HEIGHT)


def _last(options: Row) -> float:
    return float(options["rounds"] or 1)


def _dots(options: Row) -> Any:
    """How points look: smaller where there are many."""
    many = options.get("many")
    return {"filled": True, "size": 20 if many else 60, "opacity": 0.6 if many else 0.9}
