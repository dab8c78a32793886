"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rectune_dsl.agents.words import count as count  # pages count as agents do
from rectune_dsl.agents.words import ends, marked
from rectune_dsl.dsl.params import Param
from rectune_dsl.hooks.api import Config, Prediction
from rectune_dsl.skillhub.render import plain

Z90 = 1.6448536269514722
"""Half a 90 % interval in standard errors."""


def percent(lift: float | None) -> str:
    return "missing" if lift is None else f"{lift * 100:+.2f} %"


def number(value: float) -> str:
    return f"{value:.6g}"


def moment(written: str) -> str:
    """A time as the journal has it, to the minute."""
    return f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def predicted(predictions: Iterable[Prediction]) -> str:
    """Expected lifts with their intervals, metric by metric; nothing can lose more than all of it."""
    return ", ".join(map(_predicted, predictions))


def objective(weights: Mapping[str, float]) -> str:
    """What U is, in a sentence, for where it is first met."""
    parts = " ".join(f"{weight:+g} x {name}" for name, weight in weights.items())
    return f"U is the weighted sum of lifts, {parts}."


def changes(config: Config, production: Mapping[str, float]) -> str:
    """What a config changes, param by param: `w_like 2 -> 4.1, a_click 1 -> 0.7`."""
    moved = [
        f"{name} {number(before)} -> {number(config[name])}"
        for name, before in production.items()
        if config[name] != before
    ]
    return ", ".join(moved) or "nothing"


def answered(*, granted: bool, by: str, why: str) -> str:
    """What people said to a question, on one line: `approved by ada: small steps`."""
    return plain(f"{'approved' if granted else 'rejected'} by {by}{f': {why}' if why else ''}")


def bounds(param: Param) -> str:
    kind = {"log": "log scale"}.get(param.scale, "")
    kind = "whole numbers" if param.type == "int" else kind
    return marked(f"{number(param.low)} .. {number(param.high)}", kind)


def _predicted(prediction: Prediction) -> str:
    lift, low, high = ends(prediction)
    return f"{prediction.metric} {percent(lift)} [{low * 100:+.2f}, {high * 100:+.2f}]"
