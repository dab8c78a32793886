"""The file that flagd reads: written whole or not at all, by one writer at a time, other flags untouched."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rectune_dsl.hooks.errors import BackendError
from rectune_flagd.splice import spliced
from rectune_flagd.state import State, from_json, to_json

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
OWN = "$rectune"
"""The member of the file in which flags' states are kept: flagd reads none that it does not know."""
PATIENCE = 10.0
"""Seconds to wait for another writer."""
_TICK_NS = 1_000_000
"""What the times of two versions differ by at least: watchers compare them, some as floats."""
_EMPTY = json.dumps({"$schema": SCHEMA, "flags": {}}, indent=2) + "\n"

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class FlagFile:
    """One flag of a file. `define` gives what flagd evaluates of a state; `new` is the state of a flag that
    is not there yet."""

    path: Path
    flag: str
    new: Callable[[], State]
    define: Callable[[State], Definition]

    def state(self) -> State:
        """What stands in the file. Raises BackendError."""
        return self._state(_loaded(self._text(), self.path))

    def change(self, edit: Callable[[State], State]) -> State:
        """Write what `edit` makes of the state, unless that is in the file already. Raises BackendError."""
        try:
            self._real.parent.stat()  # the lock would make the folder
            with FileLock(self._beside("lock"), timeout=PATIENCE):
                return self._change(edit)
        except Timeout as error:
            raise BackendError(
                f"another process has been writing {self.path} for {PATIENCE:.0f} seconds",
                help=f"see who holds {self._beside('lock')}, and try again",
            ) from error
        except OSError as error:
            raise BackendError(
                f"{self.path} cannot be written: {error.strerror or error}",
                help="its folder has to exist and to be writable: the file is replaced, never edited",
            ) from error

    def problems(self) -> Sequence[str]:
        """What keeps the flag from being served, in sentences. Nothing is written."""
        folder = self._real.parent
        if not folder.is_dir():
            return [f"there is no folder {folder} for the flag file"]
        if not os.access(folder, os.W_OK | os.X_OK):
            return [f"the folder {folder} of the flag file is not writable"]
        try:
            text = self._text()
            data = _loaded(text, self.path)
            self._state(data)
        except BackendError as error:
            return [f"{error}: {error.help}"]
        if data.get("flags", {}).get(self.flag, {}).get("state") == "DISABLED":
            return [f"flag {self.flag!r} of {self.path} is DISABLED, so nobody would be served an arm"]
        return []

    @property
    def _real(self) -> Path:
        """Where the file is: a link to it stays a link."""
        return Path(os.path.realpath(self.path))

    def _beside(self, kind: str) -> Path:
        return self._real.with_name(f".{self._real.name}.{kind}")

    def _text(self) -> str:
        try:
            return self._real.read_bytes().decode()
        except FileNotFoundError:
            return _EMPTY
        except (OSError, UnicodeDecodeError) as error:
            raise BackendError(
                f"{self.path} cannot be read: {error}", help="it has to be a JSON file in UTF-8"
            ) from error

    def _state(self, data: Mapping[str, Any]) -> State:
        kept = data.get(OWN, {}).get(self.flag)
        if kept is not None:
            try:
                return from_json(kept)
            except ValueError as error:
                raise BackendError(
                    f"{OWN} of {self.path} has no state of flag {self.flag!r} that can be read",
                    help="restore the file as rectune wrote it, from version control or a backup",
                ) from error
        if self.flag in data.get("flags", {}):
            raise BackendError(
                f"flag {self.flag!r} of {self.path} was not made by rectune",
                help="name another one in [plugins.flagd] flag, or remove it from the file",
            )
        return self.new()

    def _change(self, edit: Callable[[State], State]) -> State:
        text = self._text()
        data = _loaded(text, self.path)
        state = edit(self._state(data))
        known = data.get("flags", {}).get(self.flag, {})  # its `state` and `metadata` are the operators'
        flag = {"state": "ENABLED", **known, **self.define(state)}
        if known == flag and data.get(OWN, {}).get(self.flag) == to_json(state):
            return state
        written = spliced(text, ("flags", self.flag), flag)
        self._replace(spliced(written, (OWN, self.flag), to_json(state)))
        return state

    def _replace(self, text: str) -> None:
        """All readers see the old file or the new one, which is on the disk before it has the name."""
        real, made = self._real, self._beside("new")
        before = real.stat() if real.exists() else None
        with made.open("wb") as file:
            file.write(text.encode())
            file.flush()
            if before is not None:
                os.fchmod(file.fileno(), before.st_mode & 0o7777)
                after = os.fstat(file.fileno())
                later = max(after.st_mtime_ns, before.st_mtime_ns + _TICK_NS)
                os.utime(file.fileno(), ns=(after.st_atime_ns, later))
            os.fsync(file.fileno())
        os.replace(made, real)
        folder = os.open(real.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _loaded(text: str, path: Path) -> dict[str, Any]:
    try:
        data: Any = json.loads(text)
    except ValueError as error:
        raise BackendError(
            f"{path} is no JSON: {error}", help="mend it, or name another file in [plugins.flagd] file"
        ) from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key, {}), dict) for key in ("flags", OWN)):
        raise BackendError(
            f"{path} is no flag definition", help=f"`flags` has to be an object of flags, as {SCHEMA} says"
        )
    return data
