"""A world of slates of which everything is known: who logs what, what is clicked, what an arm would get."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

ITEMS = "abcd"
QUALITY = dict(zip(ITEMS, (0.9, 0.4, 0.1, 0.7), strict=True))
WORTH = dict(zip(ITEMS, (0.6, 0.5, 0.3, 0.8), strict=True))
EXAMINED = (1.0, 0.6, 0.3)
SLATES = ["".join(slate) for slate in itertools.permutations(ITEMS, 3)]
_PULL = {slate: math.exp(0.8 * WORTH[slate[0]] + 0.5 * QUALITY[slate[2]]) for slate in SLATES}
LOGGED = {slate: pull / sum(_PULL.values()) for slate, pull in _PULL.items()}
"""P(slate) of the policy that logs."""
AT = {
    (item, k): sum(p for slate, p in LOGGED.items() if slate[k] == item) for item in ITEMS for k in range(3)
}
"""P(item at position) of the policy that logs."""
SHOWN = {"production": "adb", "arm": "cbd"}
"""What w = 1 and w = -1 show: three of the items, by quality."""
TASK: dict[str, Any] = {
    "dsl": 1,
    "task": {"name": "slates", "surface": "slates"},
    "signals": {"quality": {"kind": "item", "domain": [0, 1]}},
    "stages": {
        "ranking": {
            "keep": 3,
            "score": "w * quality",
            "params": {"w": {"production": 1.0, "low": -1, "high": 1}},
        }
    },
    "metrics": {"click": {"kind": "proportion", "goal": "maximize"}},
    "experiment": {"backend": "replay", "users_per_arm": 10, "days": 1},
    "confirm": {"users_per_arm": 10, "days": 1},
    "replay": {
        "log": "log.csv",
        "items": "items.csv",
        "policy": "top",
        "min_ess": 1,
        "split": {"fit": 0.2, "tune": 0.6, "confirm": 0.2},
        "signals": {"quality": {"item_column": "quality"}},
    },
}
COLUMNS = {"time": "time", "item": "item", "propensity": "p", "position": "position", "slate": "slate"}
MODELS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "item-position": ({}, {}),
    "position-based": ({"propensities": "each"}, {"examination": list(EXAMINED)}),
    "standard": ({"slate_propensity": "whole"}, {}),
}
Rows = list[dict[str, Any]]


def task_of(model: str, **replay: Any) -> dict[str, Any]:
    columns, own = MODELS[model]
    more = {"columns": {**COLUMNS, **columns}, "slates": {"model": model, **own}}
    return {**TASK, "replay": {**TASK["replay"], **more, **replay}}


def log(seed: int, slates: int, jealous: bool = False) -> Rows:
    """Clicks follow the position-based model; `jealous`: an item is not clicked below one of higher worth."""
    generator, rows = np.random.default_rng([seed, slates]), []
    for n, draw in enumerate(generator.choice(len(SLATES), slates, p=list(LOGGED.values()))):
        slate = SLATES[draw]
        for k, item in enumerate(slate):
            rows.append(
                {
                    "time": 1_700_000_000 + 10 * n + int(generator.integers(0, 9)),
                    "slate": f"s{n}",
                    "position": k + 1,
                    "item": item,
                    "p": AT[item, k],
                    "each": ";".join(repr(AT[item, at]) for at in range(3)),
                    "whole": LOGGED[slate],
                    "click": int(generator.random() < clicked(slate, k, jealous)),
                }
            )
    return rows


def clicked(slate: str, k: int, jealous: bool) -> float:
    outshone = jealous and any(WORTH[above] > WORTH[slate[k]] for above in slate[:k])
    return 0.0 if outshone else EXAMINED[k] * WORTH[slate[k]]


def truth(slate: str, jealous: bool = False) -> float:
    """Clicks per impression where everybody is shown this slate."""
    return sum(clicked(slate, k, jealous) for k in range(3)) / 3
