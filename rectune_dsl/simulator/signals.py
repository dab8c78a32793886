"""What formulas may read in a world, and where it is held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rectune_dsl.simulator.catalogue import SOURCES
from rectune_dsl.simulator.worldfile import WorldFile

USER_SIGNALS = {"is_new_user": "is_new", "activity_class": "activity_class"}
"""User signals, and where users hold them: only what a log would tell."""
KEYS = ("topic", "author", "source")
LABELS = {"source": SOURCES}


def heads_of(file: WorldFile) -> Mapping[str, str]:
    """Predictions by the name that formulas know them by, and the responses they predict."""
    return {f"p_{name}": name for name in file.responses}


def item_signals_of(file: WorldFile) -> Mapping[str, str]:
    """Item signals, and where pools hold them."""
    own = {"clickbait": "clickbait_hint", "freshness": "freshness", "quality_hint": "quality_hint"}
    return {**own, file.items.size.name: "size"}


def kinds_of(file: WorldFile) -> Mapping[str, Literal["prediction", "item", "user"]]:
    """Everything that formulas may read, by kind."""
    return {
        **dict.fromkeys(heads_of(file), "prediction"),
        **dict.fromkeys(item_signals_of(file), "item"),
        **dict.fromkeys(USER_SIGNALS, "user"),
    }
