"""Frozen days: when an experiment can start, and when the next thing may be done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from rectune_dsl.dsl.traffic import FreezeWindow

Freezes = Mapping[str, FreezeWindow]


def frozen(freezes: Freezes, start: datetime, days: int = 1) -> str:
    """The name of a freeze that one of `days` whole UTC days lies in, the first being that of `start`; empty
    where none does."""
    first = start.astimezone(UTC).date()
    last = first + timedelta(days=days - 1)
    return next((name for name, w in freezes.items() if w.first <= last and first <= w.last), "")


def first_start(freezes: Freezes, earliest: datetime, days: int) -> datetime:
    """The first midnight, not before the midnight `earliest`, after which `days` whole days are free."""
    start = earliest
    while name := frozen(freezes, start, days):
        start = _end(freezes[name])
    return start


def thawed(freezes: Freezes, moment: datetime) -> datetime:
    """The first moment, not before `moment`, that is not frozen."""
    while name := frozen(freezes, moment):
        moment = _end(freezes[name])
    return moment


def _end(window: FreezeWindow) -> datetime:
    """The midnight after a freeze."""
    return datetime.combine(window.last + timedelta(days=1), time(), UTC)
