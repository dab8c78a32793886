"""From a panel to a Vega-Lite spec: the one place that puts data and looks into it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rectune_dsl.report.charts.drawings import DRAWINGS
from rectune_dsl.report.charts.marks import ROWS
from rectune_dsl.report.pages.blocks import Panel, Row
from rectune_dsl.skillhub.render import printable

Spec = Mapping[str, Any]
_TEXT = "currentColor"
_AXIS = {
    "labelColor": _TEXT,
    "titleColor": _TEXT,
    "domainColor": _TEXT,
    "tickColor": _TEXT,
    "gridColor": _TEXT,
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
        "labelColor": _TEXT,
        "titleColor": _TEXT,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "labelLimit": 240,
    },
    "view": {"stroke": None},
    "text": {"color": _TEXT, "fontSize": 11},
    "rule": {"color": _TEXT},
}
"""How every chart looks: see the package."""
_FIT = {"type": "fit-x", "contains": "padding"}
"""A chart is as wide as its place, and as high as what it shows."""


def spec_of(panel: Panel) -> Spec:
    """The panel as a Vega-Lite spec with its data in it, validated by Altair.

    Rows are put in afterwards: they are plain values, and validating each of thousands takes seconds.
    """
    spec = _drawn(panel.drawing, tuple(_visible(panel.options).items()))
    rows = [_visible(row) for row in panel.rows]
    return {**spec, "autosize": _FIT, "config": LOOKS, "datasets": {**spec.get("datasets", {}), ROWS: rows}}


@lru_cache(maxsize=512)
def _drawn(drawing: str, options: tuple[tuple[str, str | float | bool | None], ...]) -> dict[str, Any]:
    found: dict[str, Any] = DRAWINGS[drawing](dict(options)).to_dict()
    return found


def _visible(row: Row) -> Row:
    """What others wrote, without characters that cannot be seen."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in row.items()}
