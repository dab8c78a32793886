"""Records in bounds: short texts, six significant digits, a limited number of everything."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

from rectune_dsl.hooks.api import KnowledgeRecord
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.render import plain, shortened

RECORDS = 200
"""Candidates and active records of one skill."""
TOMBSTONES = 200
"""Retired records of one skill that are remembered."""
KEYS = 400
"""Experiments that are named for a record, and as many against it."""
STATEMENT = 600
WHY = 300
NAME = 120
"""Characters of an id, and of any other name."""
RESPONSES = 16
CAUSES = 40
DIGITS = 6

T = TypeVar("T")


def tidy(record: KnowledgeRecord) -> KnowledgeRecord:
    """The record as the Skillhub keeps it: numbers of six significant digits, texts cut to their limits.

    Raises UsageError for what cannot be cut: an id or a name that is too long or holds invisible characters,
    too many responses or causes.
    """
    if record.id != plain(record.id) or not record.id:
        raise UsageError(
            f"the id {plain(record.id)!r} holds spaces at its ends or invisible characters, or is empty",
            help="write a short name, such as `w_like-watch_minutes`",
        )
    _named(record)
    kept: KnowledgeRecord = _rounded(record)
    return dataclasses.replace(
        kept,
        statement=shortened(record.statement, STATEMENT),
        why=shortened(record.why, WHY),
        supports=tuple(sorted(set(record.supports)))[-KEYS:],
        contradicts=tuple(sorted(set(record.contradicts)))[-KEYS:],
        mechanic=kept.mechanic
        and dataclasses.replace(
            kept.mechanic,
            statement=shortened(kept.mechanic.statement, STATEMENT),
            evidence=kept.mechanic.evidence[-KEYS:],
        ),
    )


def _named(record: KnowledgeRecord) -> None:
    names = [record.id, record.author, *dataclasses.astuple(record.scope)]
    names += [*record.supports, *record.contradicts]
    if record.mechanic is not None:
        names += [record.mechanic.metric, record.mechanic.cause, record.mechanic.unit]
    for response in record.responses:
        names += [response.metric, *response.causes]
    for score in record.scored:
        names += [score.experiment, score.arm, score.metric]
    if long := next((name for name in names if len(name) > NAME), None):
        raise UsageError(
            f"the record {record.id[:NAME]!r} holds the name {long[:NAME]!r}..., of {len(long)} characters",
            help=f"names have {NAME} characters at most",
        )
    if len(record.responses) > RESPONSES or any(len(r.causes) > CAUSES for r in record.responses):
        raise UsageError(
            f"the record {record.id!r} has too many responses, or one with too many causes",
            help=f"keep {RESPONSES} metrics and {CAUSES} causes at most",
        )


def _rounded(held: T) -> T:
    """The same, with every number in it at six significant digits."""
    if isinstance(held, float):
        return float(f"{held:.{DIGITS}g}")  # type: ignore[return-value]
    if isinstance(held, tuple):
        return tuple(map(_rounded, held))  # type: ignore[return-value]
    if dataclasses.is_dataclass(held) and not isinstance(held, type):
        fields: Sequence[str] = [field.name for field in dataclasses.fields(held)]
        return dataclasses.replace(held, **{name: _rounded(getattr(held, name)) for name in fields})
    return held
