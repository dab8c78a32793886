"""A run in which everything that others wrote tries to be something else."""

from __future__ import annotations

import json
import re

from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.report.view import RunView

ESCAPES = "\u2028\u202e\u200b\x1b[31m\x07"
"""Characters that move the cursor, turn text around, or end a line of a script."""
PAYLOAD = f"</script></table><img src=x onerror=alert(1)>\"'`&{{{{7*7}}}}<!--|@x[y](javascript:z){ESCAPES}"
_OURS = {
    "moments",
    "estimates",
    "ship",
    "hold",
    "keep production",
    "explore",
    "confirm",
    "control",
    "holdout",
    ">=",
    "<=",
    "wait",
    "stop_arm",
    "set_exposure",
    "finish",
    "freeze",
    "candidate",
    "active",
    "retired",
    "answered",
}
_TIME = re.compile(r"\d{4}-\d\d-\d\d")
_FIXED = {"task_text", "task_path", "config", "production", "values"}
"""Keys whose values are read, or looked up by names of params, before they are shown."""


def hostile(view: RunView) -> RunView:
    """The same run with the payload in every name and every word of it, each name the same wherever it is."""
    return decode(RunView, json.dumps(_spoilt(json.loads(encode(RunView, view)))))


def _spoilt(value: object) -> object:
    if isinstance(value, str):
        return value if value in _OURS or _TIME.match(value) or not value else value + PAYLOAD
    if isinstance(value, list):
        return [_spoilt(one) for one in value]
    if isinstance(value, dict):
        return {key: inner if key in _FIXED else _spoilt(inner) for key, inner in _named(value)}
    return value


def _named(value: dict[str, object]) -> list[tuple[str, object]]:
    """Items of a mapping whose keys are names of arms with the payload in them."""
    arms = all(re.fullmatch(r"r\d+p\d+", key) for key in value)
    return [(key + PAYLOAD if arms else key, inner) for key, inner in value.items()]
