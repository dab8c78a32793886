"""The revisions of one skill: each is kept under the hash of its files, and a log tells which one is active.

The log is replaced in one step, and a revision is written before the log names it: a process may be killed
between any two steps, and the skill stands as it was, or as it should be.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.content import Files, digest, files_in
from rectune_dsl.skillhub.files import read_text, replace_text

HISTORY = 200
"""Entries of the log, and revisions that they name; older ones are forgotten."""
SHORT = 12
"""Characters by which a revision is called on a screen."""
PATIENCE = 60.0
"""Seconds that a writer waits for another one."""


@dataclass(frozen=True)
class Entry:
    """What made a revision the active one. `edit` names what was asked, so that asking twice is asking once;
    `refused` are sentences, one for each edit that was not taken. `date` is a UTC date."""

    revision: str
    parent: str
    author: str
    date: str
    why: str
    run: str = ""
    trusted: bool = True
    edit: str = ""
    refused: tuple[str, ...] = ()


_LOG = TypeAdapter(tuple[Entry, ...])


class Revisions:
    """The history of a skill in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def exist(self) -> bool:
        return self._log.is_file()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes meanwhile, in this process or another. The system frees the lock of a process
        that dies. Raises UsageError when the lock cannot be had within PATIENCE."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / "lock", timeout=PATIENCE):
                yield
        except Timeout:
            raise UsageError(
                f"{self._folder} has been locked by another process for {PATIENCE:.0f} seconds",
                help="wait for the run or the command that writes this skill, then try again",
            ) from None

    def log(self) -> tuple[Entry, ...]:
        """Every entry, the oldest first; the last one names the active revision."""
        if not self._log.is_file():
            return ()
        try:
            return _LOG.validate_python(tomllib.loads(read_text(self._log)).get("entry", []))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise UsageError(
                f"{self._log} is damaged: {str(error).splitlines()[0]}",
                help="put back the file from a copy, or move its folder away to start a new history",
            ) from None

    def read(self, revision: str) -> Files:
        """The files of a revision. Raises UsageError when they are missing, or not what the hash says."""
        folder = self._folder / revision
        files = files_in(folder)
        if digest(files) != revision:
            raise UsageError(
                f"{folder} is damaged: its files do not have the hash that it is called by",
                help="put it back from a copy, or roll back to another revision (`rectune skills log NAME`)",
            )
        return files

    def find(self, beginning: str, name: str) -> str:
        """The one revision whose hash begins so. Raises UsageError when there is none or several."""
        known = sorted({entry.revision for entry in self.log()})
        found = [revision for revision in known if beginning and revision.startswith(beginning)]
        if len(found) != 1:
            count = "no revision" if not found else "more than one revision"
            raise UsageError(
                f"{count} of skill {name!r} begins with {beginning!r}",
                help=f"`rectune skills log {name}` lists them",
            )
        return found[0]

    def commit(self, files: Files, entry: Entry) -> None:
        """Keep the files, and make them the active revision. To be called while `writing`."""
        if not (self._folder / entry.revision).is_dir():
            self._keep(files, entry.revision)
        log = (*self.log(), entry)[-HISTORY:]
        replace_text(self._log, tomli_w.dumps({"entry": [_table(entry) for entry in log]}))
        self._forget({"lock", self._log.name, *(entry.revision for entry in log)})

    def _keep(self, files: Files, revision: str) -> None:
        """The whole folder appears in one step."""
        made = self._folder / f".{revision}"
        shutil.rmtree(made, ignore_errors=True)
        for part, text in files.items():
            replace_text(made / part, text)
        os.replace(made, self._folder / revision)

    def _forget(self, named: Collection[str]) -> None:
        """Remove what no entry names, and what a killed process left."""
        for path in self._folder.iterdir():
            if path.name not in named and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in named:
                path.unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        return self._folder / "log.toml"


def _table(entry: Entry) -> dict[str, object]:
    """The entry without what it leaves at its default."""
    held = dataclasses.asdict(entry)
    return {f.name: held[f.name] for f in dataclasses.fields(entry) if held[f.name] != f.default}
