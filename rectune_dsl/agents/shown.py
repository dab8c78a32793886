"""What a config shows to users, in words: `shows 12 % less clickbait and 3 % more long view; 8.1 of 10 items
unchanged`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.hooks.api import Config, WhatIf
from rectune_dsl.surrogate.slates import relative_changes

NAMED = 3
"""Changes a sentence names."""
_LEAST = 0.005
"""Relative changes below it are not worth a word."""
_SAID: Mapping[str, Callable[[str], str]] = {
    "mean:": lambda name: name.removeprefix("p_").replace("_", " "),
    "log:": lambda name: f"typical {name.removeprefix('p_').replace('_', ' ')}",
    "repetition:": lambda name: f"repetition of {name}",
    "spread:": lambda name: f"variety of {name}",
    "share:": lambda name: f"from {name}",
}
"""How features are called; products, which are not named here, are no words a reader has."""


def shown(whatif: WhatIf, config: Config) -> str:
    """The largest changes against production, by how unusual they are among configs, and how much stays."""
    unchanged = _unchanged(whatif, config)
    changes = relative_changes(whatif, [config])[0]
    unusual = np.abs(whatif.features([config])[0] - whatif.production) / np.maximum(whatif.spread, 1e-12)
    named = [
        said
        for i in np.argsort(-unusual, kind="stable")
        if (said := _change(whatif.names, int(i), float(changes[i])))
    ]
    if not named:
        return f"shows about the same; {unchanged}"
    return f"shows {words.listed(named[:NAMED])}; {unchanged}"


def name_of(cause: str) -> str:
    """`long view`, `repetition of topic`: for a sentence about what slates show."""
    kind, _, name = cause.rpartition(":")
    return _SAID[f"{kind}:" if kind else "mean:"](name)


def _change(features: Sequence[str], at: int, change: float) -> str:
    """In words; empty for what is small, or said by another feature."""
    kind, _, name = features[at].partition(":")
    said = _SAID.get(f"{kind}:")
    if kind == "log":
        change = float(np.expm1(change))
        said = None if f"mean:{name}" in features else said
    if said is None or abs(change) < _LEAST:
        return ""
    direction = "more" if change > 0 else "less"
    return f"{abs(change) * 100:.0f} % {direction} {said(name)}"


def _unchanged(whatif: WhatIf, config: Config) -> str:
    slate = whatif.slates(config).candidates
    length = float((slate >= 0).sum(1).mean()) if slate.size else 0.0
    kept = float(whatif.overlaps([config])[0]) * length
    return f"{kept:.1f} of {round(length, 1):g} items unchanged"
