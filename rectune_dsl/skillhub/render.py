"""Knowledge as lines that a person reads, on a screen or in a prompt."""

from __future__ import annotations

import unicodedata

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic


def record_line(record: KnowledgeRecord) -> str:
    """The record on one line. With a mechanic that is its effect and 90 % interval, such as
    `- w_like +10 % of its range: watch_minutes +0.8 % [0.2, 1.4] (candidate; 3 experiments)`.

    A record without a mechanic is told by its statement.
    """
    told = record.statement if record.mechanic is None else _mechanic(record.mechanic)
    return f"- {plain(told)} ({'; '.join((record.status, *_evidence(record)))})"


def plain(text: str) -> str:
    """The text on one line, with every control or invisible character shown as U+FFFD: what an agent
    wrote can neither move the cursor, nor reverse the text, nor look like a second line."""
    return " ".join("".join(map(_visible, text)).split())


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "\ufffd" if unicodedata.category(character).startswith("C") else character


def _mechanic(mechanic: Mechanic) -> str:
    interval = f"[{mechanic.low * 100:.3g}, {mechanic.high * 100:.3g}]"
    return f"{mechanic.cause} {mechanic.unit}: {mechanic.metric} {mechanic.effect * 100:+.3g} % {interval}"


def _evidence(record: KnowledgeRecord) -> list[str]:
    parts = []
    if record.supports:
        parts.append(f"{len(record.supports)} experiment{'s' if len(record.supports) > 1 else ''}")
    if record.contradicts:
        parts.append(f"{len(record.contradicts)} against")
    return parts
