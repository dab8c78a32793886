"""What a person does with a skill: take it back, trust it, set single records, hand it on, take one in."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import Status
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.archive import Unpacked, misleading, pack, unpack
from rectune_dsl.skillhub.content import PARTS, Content, content_of, files_of, skill_of
from rectune_dsl.skillhub.edits import kept, limited
from rectune_dsl.skillhub.front_matter import renamed
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.knowledge import Knowledge, folded
from rectune_dsl.skillhub.places import DOCUMENT
from rectune_dsl.skillhub.render import plain
from rectune_dsl.skillhub.shelf import Changed, Shelf, Stamp
from rectune_dsl.skillhub.tidy import tidy

_MARK = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class TakenIn:
    """An imported skill: what it is called here, and the members of its archive that were left out."""

    name: str
    revision: str
    dropped: tuple[str, ...]


def rollback(shelf: Shelf, beginning: str, stamp: Stamp) -> str:
    """Make an earlier revision the active one; all that came after stays in the log. Returns its hash."""
    revision = shelf.revisions.find(beginning, shelf.name)
    trusted = any(entry.trusted for entry in shelf.revisions.log() if entry.revision == revision)
    content = content_of(shelf.revisions.read(revision), {part: part for part in PARTS}, trusted)
    why = stamp.why or f"rolled back to {revision[:12]}"
    return shelf.write(replace(stamp, why=why), lambda _: Changed(content))


def activate(shelf: Shelf, stamp: Stamp) -> None:
    """Trust an imported skill. Raises UsageError when it is trusted already."""

    def change(known: Content | None) -> Changed:
        assert known is not None
        if known.trusted:
            raise UsageError(
                f"the skill {shelf.name!r} is trusted already",
                help="`--record ID` activates one of its records",
            )
        return Changed(replace(known, trusted=True))

    shelf.write(stamp, change)


def set_status(shelf: Shelf, id: str, status: Status, stamp: Stamp) -> None:
    """Make one record active, or retire it, on a person's word. Raises UsageError for an unknown record."""

    def change(known: Content | None) -> Changed:
        assert known is not None
        records = {record.id: record for record in known.knowledge.records}
        if id not in records:
            raise UsageError(f"the skill {shelf.name!r} has no record {id!r}", help=did_you_mean(id, records))
        if not known.trusted:
            raise UsageError(
                f"the skill {shelf.name!r} was imported, and nobody has activated it",
                help=f"`rectune skills activate {shelf.name} --why TEXT` comes first",
            )
        records[id] = replace(records[id], status=status, why=f"{stamp.why} (said by {stamp.author})")
        changed = Knowledge(tuple(records.values()), known.knowledge.marks)
        return Changed(replace(known, knowledge=kept(changed, known.knowledge, stamp.day)))

    shelf.write(stamp, change)


def hand_on(shelf: Shelf) -> bytes:
    """The skill as it stands, as an archive: the same skill gives the same bytes."""
    return pack(shelf.name, files_of(shelf.content()))


def take_in(hub: Skillhub, path: Path, stamp: Stamp, name: str = "") -> TakenIn:
    """Put the skill of an archive into the workspace, under another name if one is given. It is not trusted
    until a person activates it.

    Raises UsageError when the archive is unsound, or the workspace has a skill of that name.
    """
    found = unpack(path)
    shelf = hub.new_shelf(name or found.name)
    content = _imported(found, plain(str(path)), shelf.name, stamp.day)

    def change(known: Content | None) -> Changed:
        if shelf.learnt and known is not None and files_of(known) != files_of(content):
            raise UsageError(
                f"the workspace has a skill {shelf.name!r} already",
                help="`--as NAME` imports this one beside it",
            )
        return Changed(known if shelf.learnt and known is not None else content)

    return TakenIn(shelf.name, shelf.write(stamp, change), found.dropped)


def difference(shelf: Shelf, old: str, new: str) -> Iterator[str]:
    """The lines in which two revisions differ, as `diff -u` tells them. Each is named by the beginning of its
    hash; without names, the active revision is compared with the one before it."""
    log = shelf.revisions.log()
    if not log:
        raise UsageError(
            f"the skill {shelf.name!r} has no revisions yet", help="a run that learns makes the first"
        )
    later = shelf.revisions.find(new, shelf.name) if new else log[-1].revision
    before = [entry.parent for entry in log if entry.revision == later and entry.parent not in ("", later)]
    earlier = shelf.revisions.find(old, shelf.name) if old else (before[-1] if before else later)
    one, other = shelf.revisions.read(earlier), shelf.revisions.read(later)
    for part in PARTS:
        lines = one.get(part, "").splitlines(), other.get(part, "").splitlines()
        names = f"{earlier[:12]}/{part}", f"{later[:12]}/{part}"
        yield from difflib.unified_diff(*lines, *names, lineterm="")


def _imported(found: Unpacked, where: str, name: str, day: str) -> Content:
    """The content of an archive, within the limits of what the Skillhub writes, and not trusted."""
    try:
        content = content_of(found.files, {part: f"{where}: {part}" for part in PARTS}, trusted=False)
        records = [tidy(folded(record)) for record in content.knowledge.records]
        page = renamed(content.page, name, f"{where}: {DOCUMENT}")
    except UsageError as error:  # which may tell what stands there, such as an unknown key
        raise UsageError(plain(str(error)), help=plain(error.help)) from None
    for text in _texts(dataclasses.asdict(skill_of(name, content))):
        if character := misleading(text):
            raise UsageError(
                f"{where}: {plain(text)[:60]!r} holds the character {character}, which a reader cannot see",
                help="remove it: an imported text has to be what it looks like",
            )
    records = limited(records, day)
    ids = {record.id for record in records}
    marks = {
        id: tuple(mark for mark in told if _MARK.fullmatch(mark))
        for id, told in content.knowledge.marks.items()
        if id in ids
    }
    return replace(content, page=page, knowledge=Knowledge(tuple(records), marks))


def _texts(held: Any) -> Iterator[str]:
    """Every text in a skill, however deep, names of values included."""
    if isinstance(held, str):
        yield held
    elif isinstance(held, dict):
        yield from _texts([*held.keys(), *held.values()])
    elif isinstance(held, list | tuple):
        for value in held:
            yield from _texts(value)
