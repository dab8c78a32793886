"""One skill's place: its seed, its readable files in the workspace, and its revisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.content import (
    INITIAL,
    PARTS,
    Content,
    Files,
    content_of,
    digest,
    files_in,
    files_of,
)
from rectune_dsl.skillhub.files import read_text, replace_text, sweep
from rectune_dsl.skillhub.front_matter import read_front_matter
from rectune_dsl.skillhub.knowledge import Knowledge
from rectune_dsl.skillhub.places import DOCUMENT, REVISIONS
from rectune_dsl.skillhub.render import shortened
from rectune_dsl.skillhub.revisions import Entry, Revisions
from rectune_dsl.skillhub.tidy import WHY

REFUSED = 20
"""Refused edits that an entry of the log tells of one by one."""


@dataclass(frozen=True)
class Stamp:
    """Who changes a skill, when, why, and in which run; `edit` names what he asks for."""

    author: str
    when: date
    why: str
    run: str = ""
    edit: str = ""

    @property
    def day(self) -> str:
        return f"{self.when:%Y-%m-%d}"


@dataclass(frozen=True)
class Changed:
    """What a skill is to become, and a sentence for each edit that was refused."""

    content: Content
    refused: tuple[str, ...] = ()


class Shelf:
    """A skill by its name. `seed` is its folder among the seeds, None where it has none.

    The active revision is what counts; the readable files show it. One that a person has edited counts
    in its place, and becomes a revision of its own with the next write.
    """

    def __init__(self, name: str, seed: Path | None, workspace: Path) -> None:
        self.name = name
        self.revisions = Revisions(workspace / REVISIONS / name)
        self._seed = seed
        self._copy = workspace / name

    @property
    def learnt(self) -> bool:
        """Whether the workspace holds the skill."""
        return self.revisions.exist or (self._copy / DOCUMENT).is_file()

    @property
    def folder(self) -> Path:
        """Where a person reads it."""
        return self._copy if self.learnt or self._seed is None else self._seed

    def content(self) -> Content:
        """The skill as it stands now. Raises UsageError when it is malformed, or not there."""
        log = self.revisions.log()
        found = self._content(log)
        while log != (now := self.revisions.log()):  # somebody wrote meanwhile: this may be half of each
            log = now
            found = self._content(log)
        if found is None:
            raise UsageError(f"there is no skill {self.name!r}", help="`rectune skills` lists them")
        return found

    def edited_by_hand(self) -> tuple[str, ...]:
        """The readable files that a person has changed since they were written."""
        log = self.revisions.log()
        return tuple(self._edited(self.revisions.read(log[-1].revision), log)) if log else ()

    def write(self, stamp: Stamp, change: Callable[[Content | None], Changed]) -> str:
        """Make a new revision of what `change` makes of the present one, None where there is no skill yet.
        Returns the active revision.

        Nobody else writes meanwhile. What was asked before, by the same `edit`, is not done again; what
        changes nothing is not logged.
        """
        with self.revisions.writing():
            log = self.revisions.log()
            self._finish(log)
            if stamp.edit and any(entry.edit == stamp.edit for entry in log):
                return log[-1].revision
            known = self._content(log)
            told = change(known)
            content = self._with_news(told.content)
            files = files_of(content)
            if known is not None:
                same = files == files_of(known) and content.trusted == known.trusted
                if same and not told.refused:
                    return digest(files)
                self._found(log, known, stamp)
            self._commit(files, stamp, trusted=content.trusted, refused=told.refused)
            return digest(files)

    def _found(self, log: Sequence[Entry], known: Content, stamp: Stamp) -> None:
        """Make a revision of what stands there and is not logged: a seed, or a person's edit."""
        files = files_of(known)
        if log and log[-1].revision == digest(files):
            return
        came = not log and not (self._copy / DOCUMENT).is_file()
        author, why = (
            ("seed", "as it came") if came else ("by hand", "as its files, or a newer seed, have it")
        )
        self._commit(files, Stamp(author, stamp.when, why), trusted=known.trusted)

    def _commit(self, files: Files, stamp: Stamp, trusted: bool, refused: tuple[str, ...] = ()) -> None:
        """The log first, then the readable files: until these are there, they are known to be old."""
        log = self.revisions.log()
        entry = Entry(
            revision=digest(files),
            parent=log[-1].revision if log else "",
            author=stamp.author,
            date=stamp.day,
            why=shortened(stamp.why, WHY),
            run=stamp.run,
            trusted=trusted,
            edit=stamp.edit,
            refused=_counted(refused),
        )
        self.revisions.commit(files, entry)
        self._show(files)

    def _finish(self, log: Sequence[Entry]) -> None:
        """Show what a killed process has left undone: so the files are one revision old at most."""
        if log:
            files = self.revisions.read(log[-1].revision)
            self._show({**files, **self._edited(files, log)})

    def _show(self, files: Files) -> None:
        for part in PARTS:
            path = self._copy / part
            if part not in files:
                path.unlink(missing_ok=True)
            elif not path.is_file() or read_text(path) != files[part]:
                replace_text(path, files[part])
        for folder in {(self._copy / part).parent for part in PARTS}:
            sweep(folder)

    def _content(self, log: Sequence[Entry]) -> Content | None:
        kept = self.revisions.read(log[-1].revision) if log else {}
        files = {**kept, **self._edited(kept, log)}
        if not log and self._seed is not None:
            came = files_in(self._seed)
            files = {**{part: came[part] for part in (DOCUMENT, INITIAL) if part in came}, **files}
        if not files:
            return None
        where = {part: str(self._place(part)) for part in PARTS}
        content = content_of(files, where, log[-1].trusted if log else True)
        called = read_front_matter(content.page, where[DOCUMENT])[0].name
        if called != self.name:
            raise UsageError(
                f"{where[DOCUMENT]}: the skill is called {called!r}, its folder {self.name!r}",
                help="give both the same name",
            )
        return self._with_news(content)

    def _place(self, part: str) -> Path:
        """Where a file is that a message names."""
        copy = self._copy / part
        return copy if self._seed is None or copy.is_file() else self._seed / part

    def _edited(self, kept: Files, log: Sequence[Entry]) -> Files:
        """The readable files that say something else than the active revision and the one before it: where a
        process was killed before it had shown the new one, the old one's are still there."""
        found = files_in(self._copy)
        changed = {part: text for part, text in found.items() if text != kept.get(part)}
        if changed and log and log[-1].parent:
            earlier = self.revisions.read(log[-1].parent)
            changed = {part: text for part, text in changed.items() if text != earlier.get(part)}
        return changed

    def _with_news(self, content: Content) -> Content:
        """The content with the records that only the seed has: it may be newer."""
        if self._seed is None:
            return content
        where = {part: str(self._seed / part) for part in PARTS}
        known = {record.id for record in content.knowledge.records}
        came = content_of(files_in(self._seed), where).knowledge.records
        news = tuple(record for record in came if record.id not in known)
        together = Knowledge((*content.knowledge.records, *news), content.knowledge.marks)
        return replace(content, knowledge=together) if news else content


def _counted(refused: Sequence[str]) -> tuple[str, ...]:
    """The first sentences, and how many more there are."""
    shown = [shortened(sentence, WHY) for sentence in refused[:REFUSED]]
    more = [f"{len(refused) - REFUSED} more"] if len(refused) > REFUSED else []
    return (*shown, *more)
