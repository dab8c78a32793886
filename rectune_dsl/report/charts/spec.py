"""From a panel to a Vega-Lite spec: the one place that puts data and looks into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from rectune_dsl.report.charts.drawings import DRAWINGS
from rectune_dsl.report.charts.marks import ROWS, TEXT
from rectune_dsl.report.pages.blocks import Panel, Row
from rectune_dsl.skillhub.render import printable

Spec = Mapping[str, Any]
_AXIS = {
    "labelColor": TEXT,
    "titleColor": TEXT,
    "domainColor": TEXT,
    "tickColor": TEXT,
    "gridColor": TEXT,
    "domainOpacity": 0.4,
    "tickOpacity": 0.4,
    "gridOpacity": 0.12,
    "labelFontSize": 11,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "labelLimit": 170,
}
FONT = "system-ui, sans-serif"
"""Named, and not inherited: widths of texts are measured in it."""
LOOKS: Spec = {
    "background": None,
    "font": FONT,
    "axis": _AXIS,
    "legend": {
        "labelColor": TEXT,
        "titleColor": TEXT,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "labelLimit": 240,
    },
    "view": {"stroke": None},
    "text": {"color": TEXT, "fontSize": 11},
    "rule": {"color": TEXT},
}
"""How every chart looks: see the package."""
_FIT = {"type": "fit-x", "contains": "padding"}
"""A chart is as wide as its place, and as high as what it shows."""
_WHITE = {
    "background": "white",
    "padding": 14,
    "title": {"anchor": "start", "frame": "group", "fontSize": 13, "offset": 10},
    "concat": {"spacing": 30},
}
_HEADING = {"fontSize": 16, "offset": 16}


def spec_of(panel: Panel) -> Spec:
    """The panel as a Vega-Lite spec with its data in it, validated by Altair.

    Rows are put in afterwards: they are plain values, and validating each of thousands takes seconds.
    """
    spec = _drawn(panel.drawing, tuple(_visible(panel.options).items()))
    rows = [_visible(row) for row in panel.rows]
    return {**spec, "autosize": _FIT, "config": LOOKS, "datasets": {**spec.get("datasets", {}), ROWS: rows}}


def picture_of(title: str, panels: Sequence[Panel], columns: int, width: int, height: int) -> Spec:
    """Panels side by side, each of that many pixels and with its title, as one spec on white."""
    specs = [spec_of(panel) for panel in panels]
    datasets = {
        _own(name, at): rows for at, spec in enumerate(specs) for name, rows in spec["datasets"].items()
    }
    drawn = [
        {"layer": _layers(spec, at), "title": printable(panel.title), "width": width, "height": height}
        for at, (panel, spec) in enumerate(zip(panels, specs, strict=True))
    ]
    return {
        "$schema": alt.SCHEMA_URL,
        "title": {"text": printable(title), **_HEADING},
        "concat": drawn,
        "columns": columns,
        "resolve": {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")},
        "config": {**LOOKS, **_WHITE},
        "datasets": datasets,
    }


def _layers(spec: Spec, at: int) -> list[Spec]:
    """Of the panel at a place, which reads data of its own: in one spec, names of data are everybody's."""
    return [
        {**layer, "data": {"name": _own(layer.get("data", spec.get("data"))["name"], at)}}
        for layer in spec["layer"]
    ]


def _own(name: str, at: int) -> str:
    return f"{name} {at}"


@lru_cache(maxsize=512)
def _drawn(drawing: str, options: tuple[tuple[str, str | float | bool | None], ...]) -> dict[str, Any]:
    found: dict[str, Any] = DRAWINGS[drawing](dict(options)).to_dict()
    return found


def _visible(row: Row) -> Row:
    """What others wrote, without characters that cannot be seen."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in row.items()}
