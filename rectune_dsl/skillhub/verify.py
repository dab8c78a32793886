"""Whether what is kept of a skill is sound: hashes, layout, records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rectune_dsl.hooks.api import KnowledgeRecord
from rectune_dsl.hooks.errors import RectuneError
from rectune_dsl.skillhub.revisions import SHORT
from rectune_dsl.skillhub.shelf import Shelf
from rectune_dsl.skillhub.tidy import tidy


@dataclass(frozen=True)
class Verified:
    """How many revisions and records were looked at; `problems` are to be mended, `notes` worth knowing."""

    name: str
    revisions: int = 0
    records: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def verify(shelf: Shelf) -> Verified:
    """Look at every revision, at the readable files and at every record. Changes nothing."""
    problems: list[str] = []
    try:
        log = shelf.revisions.log()
        parents = ["", *(entry.revision for entry in log)]
        for at, entry in enumerate(log):
            if at and entry.parent != parents[at]:
                problems.append(f"the log says that {entry.revision[:SHORT]} followed another revision")
        revisions = dict.fromkeys(entry.revision for entry in log)
        for revision in revisions:
            problems += _unreadable(shelf, revision)
        if problems:
            return Verified(shelf.name, len(revisions), problems=tuple(problems))
        content = shelf.content()
        edited = shelf.edited_by_hand()
    except RectuneError as error:
        return Verified(shelf.name, problems=(*problems, str(error)))
    records = content.knowledge.records
    problems += [problem for record in records for problem in _problems(record)]
    notes = [f"{part} was edited by hand; the next write makes it a revision" for part in edited]
    if not content.trusted:
        notes.append(f"imported; `rectune skills activate {shelf.name} --why TEXT` trusts it")
    if (shelf.folder / "scripts").exists():
        notes.append("its folder has scripts/, which are never run")
    return Verified(shelf.name, len(revisions), len(records), tuple(problems), tuple(notes))


def _unreadable(shelf: Shelf, revision: str) -> list[str]:
    try:
        shelf.revisions.read(revision)
    except RectuneError as error:
        return [str(error)]
    return []


def _problems(record: KnowledgeRecord) -> Iterator[str]:
    try:
        tidy(record)
    except RectuneError as error:
        yield str(error)
    if both := set(record.supports) & set(record.contradicts):
        yield f"the record {record.id!r} has {sorted(both)[0]!r} both for it and against it"
    mechanic = record.mechanic
    if mechanic is not None and not mechanic.low <= mechanic.effect <= mechanic.high:
        yield f"the record {record.id!r} has an effect outside its own interval"
    if not record.author:
        yield f"the record {record.id!r} does not say who wrote it"
