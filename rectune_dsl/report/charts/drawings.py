"""What panels can be drawn as, by name.

Each drawing says which fields its rows have, and which options there are. It sees no row: panels with equal
options are one drawing of different data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import altair as alt

from rectune_dsl.report.charts import lines, points, world
from rectune_dsl.report.pages.blocks import Row

DRAWINGS: Mapping[str, Callable[[Row], alt.LayerChart]] = {
    "intervals": points.intervals,
    "scatter": points.scatter,
    "calibration": points.calibration,
    "changes": points.changes,
    "counts": points.counts,
    "progress": lines.progress,
    "chances": lines.chances,
    "parallel": lines.parallel,
    "campaigns": lines.campaigns,
    "rates": world.rates,
    "aucs": world.aucs,
    "reliability": world.reliability,
    "topics": world.topics,
    "users": world.users,
    "concentration": world.concentration,
}
