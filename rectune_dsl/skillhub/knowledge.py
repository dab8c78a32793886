"""Knowledge records as TOML, and what happens when two records tell of the same thing."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic
from rectune_dsl.hooks.errors import UsageError

_RECORD = TypeAdapter(KnowledgeRecord)
_VALUES = TypeAdapter(dict[str, float])


def records_to_toml(records: Iterable[KnowledgeRecord]) -> str:
    """One `[[knowledge]]` table per record; a record without a mechanic has no such key."""
    tables = [_without_none(dataclasses.asdict(record)) for record in records]
    return tomli_w.dumps({"knowledge": tables})


def records_from_toml(text: str, where: str) -> tuple[KnowledgeRecord, ...]:
    """The records of a knowledge file. `where` names it in messages.

    Raises UsageError when the text is no TOML, a key is unknown, a value has the wrong type or is
    not finite, or an id is empty or there twice.
    """
    tables = _tables(text, "knowledge", where)
    if not isinstance(tables, list):
        raise UsageError(
            f"{where}: `knowledge` is not a list of tables", help="write `[[knowledge]]` above each record"
        )
    records: dict[str, KnowledgeRecord] = {}
    for number, table in enumerate(tables, 1):
        record = _record(table, f"{where}: record {number}")
        if record.id in records:
            raise UsageError(
                f"{where}: the id {record.id!r} stands there twice", help="give each record its own id"
            )
        records[record.id] = record
    return tuple(records.values())


def values_from_toml(text: str, where: str) -> dict[str, float]:
    """The `[initial_values]` of a skill: param -> number. Raises UsageError."""
    table = _tables(text, "initial_values", where) or {}
    try:
        values = _VALUES.validate_python(table)
    except ValidationError as error:
        raise _usage(error, f"{where}: `initial_values`") from None
    _finite(values.items(), where)
    return values


def merge(known: Sequence[KnowledgeRecord], new: Sequence[KnowledgeRecord]) -> tuple[KnowledgeRecord, ...]:
    """`known` with `new` added, or put in the place of the record with the same id.

    A replaced record keeps its evidence: both sides are united. Where the effect has changed its sign, what
    spoke for it before now speaks against it; an experiment that the new record itself reads the other
    way round changes sides, so that it does not count for both. Evidence is sorted, so that merging twice
    is merging once.
    """
    merged = {record.id: record for record in known}
    for record in new:
        merged[record.id] = _with_evidence(merged.get(record.id, record), record)
    return tuple(merged.values())


def _with_evidence(old: KnowledgeRecord, new: KnowledgeRecord) -> KnowledgeRecord:
    supports, contradicts = set(new.supports), set(new.contradicts)
    old_for, old_against = set(old.supports), set(old.contradicts)
    if _opposed(old.mechanic, new.mechanic):
        old_for, old_against = old_against, old_for
    return dataclasses.replace(
        new,
        supports=tuple(sorted((old_for - contradicts) | supports)),
        contradicts=tuple(sorted((old_against - supports) | contradicts)),
    )


def _opposed(one: Mechanic | None, other: Mechanic | None) -> bool:
    """Whether one says up and the other down."""
    if one is None or other is None:
        return False
    return min(one.effect, other.effect) < 0 < max(one.effect, other.effect)


def _tables(text: str, key: str, where: str) -> Any:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}", help="correct the file") from None
    if unknown := [name for name in found if name != key]:
        raise UsageError(f"{where}: the key `{unknown[0]}` is unknown", help=f"this file holds `{key}` only")
    return found.get(key, [])


def _record(table: object, where: str) -> KnowledgeRecord:
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} is not a table", help="write `[[knowledge]]` above it")
    _known(table, KnowledgeRecord, where)
    table = {"mechanic": None, **table}
    if isinstance(table["mechanic"], Mapping):
        _known(table["mechanic"], Mechanic, f"{where}, mechanic")
    try:
        record = _RECORD.validate_python(table)
    except ValidationError as error:
        raise _usage(error, where) from None
    if not record.id.strip():
        raise UsageError(
            f"{where} has an empty id", help="give it a short name, such as `w_like-watch_minutes`"
        )
    if record.mechanic is not None:
        _finite(((name, getattr(record.mechanic, name)) for name in ("effect", "low", "high")), where)
    return record


def _known(table: Mapping[str, object], kind: type[KnowledgeRecord | Mechanic], where: str) -> None:
    known = [field.name for field in dataclasses.fields(kind)]
    if unknown := [key for key in table if key not in known]:
        raise UsageError(f"{where}: the key `{unknown[0]}` is unknown", help=did_you_mean(unknown[0], known))


def _usage(error: ValidationError, where: str) -> UsageError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return UsageError(f"{where}: `{key}`: {first['msg'].lower()}", help="correct the value")


def _finite(values: Iterable[tuple[str, float]], where: str) -> None:
    for name, value in values:
        if not math.isfinite(value):
            raise UsageError(f"{where}: `{name}` is {value}", help="write a finite number, or leave it out")


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
