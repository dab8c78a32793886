"""Knowledge records as TOML, and what happens when two records tell of the same thing."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Response, Scope, Scored, TightBounds
from rectune_dsl.hooks.errors import UsageError

NEWEST = 8
"""How many scored predictions a record lists; older ones are in its sums."""
MARKS = 500
"""How many predictions in the sums of one record are remembered by their marks."""

_RECORD = TypeAdapter(KnowledgeRecord)
_VALUES = TypeAdapter(dict[str, float])
_MARKS = TypeAdapter(dict[str, tuple[str, ...]])
_TABLES: Mapping[str, type] = {
    "scope": Scope,
    "mechanic": Mechanic,
    "responses": Response,
    "bounds": TightBounds,
    "scored": Scored,
}
"""Keys of a record that hold tables."""


@dataclasses.dataclass(frozen=True)
class Knowledge:
    """What a skill's knowledge file holds. `marks` are, by record id, those of scored predictions that went
    into the record's sums: so that none is counted again when an agent that knew it hands it in once more."""

    records: tuple[KnowledgeRecord, ...] = ()
    marks: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def knowledge_to_toml(known: Knowledge) -> str:
    """The records, and below them the marks, if there are any."""
    marks = {"marks": {key: list(marks) for key, marks in sorted(known.marks.items())}} if known.marks else {}
    return tomli_w.dumps({"knowledge": [_table(record) for record in known.records], **marks})


def knowledge_from_toml(text: str, where: str) -> Knowledge:
    """What a knowledge file holds. `where` names it in messages.

    Raises UsageError when the text is no TOML, a key is unknown, a value has the wrong type or is
    not finite, a covariance does not fit its causes, or an id is empty or there twice.
    """
    found = _tables(text, where, "knowledge", "marks")
    try:
        marks = _MARKS.validate_python(found.get("marks", {}))
    except ValidationError as error:
        raise _usage(error, f"{where}: `marks`") from None
    tables = found.get("knowledge", [])
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
    return Knowledge(tuple(records.values()), marks)


def values_from_toml(text: str, where: str) -> dict[str, float]:
    """The `[initial_values]` of a skill: param -> number. Raises UsageError."""
    table = _tables(text, where, "initial_values").get("initial_values", {})
    try:
        values = _VALUES.validate_python(table)
    except ValidationError as error:
        raise _usage(error, f"{where}: `initial_values`") from None
    _finite(values.items(), where)
    return values


def merge(
    known: Sequence[KnowledgeRecord],
    new: Sequence[KnowledgeRecord],
    marks: Mapping[str, Collection[str]] | None = None,
) -> tuple[KnowledgeRecord, ...]:
    """`known` with `new` added, or put in the place of the record with the same id.

    A replaced record keeps its evidence: both sides are united. Where the effect has changed its sign, what
    spoke for it before now speaks against it; an experiment that the new record itself reads the other
    way round changes sides, so that it does not count for both. Evidence is sorted, so that merging twice
    is merging once.

    Scored predictions are united too, one per experiment; those whose mark is among `marks`
    of their record are in its sums already. Sums and counts are the known record's: whoever hands a record
    in does not count, so that nothing counts twice when two runs do it at once.
    """
    merged = {record.id: record for record in known}
    for record in new:
        old = merged.get(record.id, uncounted(record))
        merged[record.id] = with_scores(old, _with_evidence(old, record), (marks or {}).get(record.id, ()))
    return tuple(merged.values())


def with_scores(old: KnowledgeRecord, new: KnowledgeRecord, marks: Collection[str] = ()) -> KnowledgeRecord:
    """`new` with the scores, sums and counts of `old`, and with its own scores that `old` does not have yet.

    An experiment counts as helpful when the bets for the record gained more in it than those against it,
    as harmful when they gained less.
    """
    listed = {prediction_of(score) for score in old.scored}
    fresh = {
        prediction_of(score): score
        for score in new.scored
        if prediction_of(score) not in listed and mark_of(score) not in marks
    }
    told = {score.experiment for score in old.scored}
    gains: dict[str, float] = {}
    for score in fresh.values():
        if score.experiment not in told:
            gains[score.experiment] = gains.get(score.experiment, 0.0) + score.gained - score.lost
    return dataclasses.replace(
        new,
        scored=(*old.scored, *fresh.values()),
        gained=old.gained,
        lost=old.lost,
        helpful=old.helpful + sum(gain > 0 for gain in gains.values()),
        harmful=old.harmful + sum(gain < 0 for gain in gains.values()),
    )


def folded(record: KnowledgeRecord) -> KnowledgeRecord:
    """The record with its newest scores only; what the older ones gained is in its sum, and what they lost in
    the level of the purse against it (see gate.py)."""
    older = record.scored[:-NEWEST]
    return dataclasses.replace(
        record,
        scored=record.scored[-NEWEST:],
        gained=math.fsum((record.gained, *(score.gained for score in older))),
        lost=purse_against(record.lost, older),
    )


def purse_against(level: float, scores: Iterable[Scored]) -> float:
    """Logarithm of what bets against a record have made, which begin anew with one unit whenever they have
    less."""
    for scored in scores:
        level = max(level, 0.0) + scored.lost
    return level


def uncounted(record: KnowledgeRecord) -> KnowledgeRecord:
    """The record before anything was scored."""
    return dataclasses.replace(record, scored=(), gained=0.0, lost=0.0, helpful=0, harmful=0)


def experiments(record: KnowledgeRecord) -> frozenset[str]:
    """Every experiment that the record rests on."""
    evidence = record.mechanic.evidence if record.mechanic else ()
    scored = (score.experiment for score in record.scored)
    return frozenset((*record.supports, *record.contradicts, *evidence, *scored))


def prediction_of(score: Scored) -> str:
    """What makes two scores the same prediction: an experiment says one thing of a record."""
    return score.experiment


def mark_of(score: Scored) -> str:
    """The prediction in 12 characters."""
    return hashlib.sha256(prediction_of(score).encode("utf-8", "replace")).hexdigest()[:12]


def opposed(one: Mechanic | None, other: Mechanic | None) -> bool:
    """Whether one says up and the other down."""
    if one is None or other is None:
        return False
    return min(one.effect, other.effect) < 0 < max(one.effect, other.effect)


def _with_evidence(old: KnowledgeRecord, new: KnowledgeRecord) -> KnowledgeRecord:
    supports, contradicts = set(new.supports), set(new.contradicts)
    old_for, old_against = set(old.supports), set(old.contradicts)
    if opposed(old.mechanic, new.mechanic):
        old_for, old_against = old_against, old_for
    return dataclasses.replace(
        new,
        supports=tuple(sorted((old_for - contradicts) | supports)),
        contradicts=tuple(sorted((old_against - supports) | contradicts)),
    )


def _table(record: KnowledgeRecord) -> dict[str, Any]:
    """The record without what it leaves at its default."""
    table = dataclasses.asdict(record)
    for field in dataclasses.fields(record):
        if table[field.name] is None or getattr(record, field.name) == field.default:
            del table[field.name]
    return table


def _tables(text: str, where: str, *keys: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}", help="correct the file") from None
    if unknown := [name for name in found if name not in keys]:
        raise UsageError(
            f"{where}: the key `{unknown[0]}` is unknown", help=f"this file holds `{keys[0]}` only"
        )
    return found


def _record(table: object, where: str) -> KnowledgeRecord:
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} is not a table", help="write `[[knowledge]]` above it")
    _known(table, KnowledgeRecord, where)
    table = {"mechanic": None, **table}
    for key, kind in _TABLES.items():
        held = table.get(key)
        for inner in held if isinstance(held, list) else [held]:
            if isinstance(inner, Mapping):
                _known(inner, kind, f"{where}, {key}")
    try:
        record = _RECORD.validate_python(table)
    except ValidationError as error:
        raise _usage(error, where) from None
    if not record.id.strip():
        raise UsageError(
            f"{where} has an empty id", help="give it a short name, such as `w_like-watch_minutes`"
        )
    _finite(_numbers(dataclasses.asdict(record)), where)
    for response in record.responses:
        _fitting(response, where)
    return record


def _numbers(held: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a record, however deep, with the key that it stands under."""
    if isinstance(held, Mapping):
        for key, value in held.items():
            yield from _numbers(value, key)
    elif isinstance(held, tuple):
        for value in held:
            yield from _numbers(value, name)
    elif isinstance(held, float):
        yield name, held


def _fitting(response: Response, where: str) -> None:
    causes = len(response.causes)
    rows = [len(response.mean), len(response.covariance), *map(len, response.covariance)]
    if set(rows) - {causes}:
        raise UsageError(
            f"{where}: the response of {response.metric!r} has {causes} causes, but another number of means, "
            f"or of rows or columns of the covariance",
            help="give one mean for each cause, and a square covariance with a row for each",
        )


def _known(table: Mapping[str, object], kind: type[Any], where: str) -> None:
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
