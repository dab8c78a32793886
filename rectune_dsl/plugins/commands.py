"""The commands of plugins, known without importing any plugin.

Their names come from an index of entry points that is kept in the user's cache: reading the metadata of all
that is installed takes longer than the rest of `rectune --help`. The index holds as long as the lists of
entry points, of all that Python would import from, are those that it was made of. A cache that cannot be
read, written or believed is done without.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from binascii import crc32
from collections.abc import Iterator
from typing import NamedTuple

GROUP = "rectune.commands"
"""The entry-point group: a name is the command's, its value is where the `click.Command` is."""
_METADATA = (".dist-info", ".egg-info", "EGG-INFO")
_END, _WHOLE = "\n\n", "end"
_SETTLED = 2_000_000_000
"""Nanoseconds after which a file that changes again has another time, on whatever file system."""


class Command(NamedTuple):
    """A command that a distribution brings, at `target`: `module:attribute`."""

    name: str
    target: str
    distribution: str

    @property
    def version(self) -> str:
        """The distribution's, as it is installed now: no index is asked, since an editable install changes
        its version and leaves its entry points alone. Empty where it is gone."""
        from importlib import metadata

        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return ""


def commands() -> list[Command]:
    """The commands of all that is installed, by name. A name may be there twice."""
    lists = _lists()
    stamp = "\n".join(f"{changed} {size} {path}" for path, changed, size in lists)
    if (known := _read(stamp)) is not None:
        return known
    found = _indexed()
    now = time.time_ns()
    if all(abs(now - changed) > _SETTLED for _, changed, _ in lists):
        _write(stamp, found)
    return found


def _lists() -> list[tuple[str, int, int]]:
    """Every list of entry points that there is: where, when it was changed, and its size."""
    return sorted((path, *_state(path)) for folder in sys.path for path in _below(folder))


def _below(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                if entry.name.endswith(_METADATA):
                    yield os.path.join(os.path.abspath(entry.path), "entry_points.txt")
    except OSError:  # an archive, or nothing
        yield folder


def _state(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, -1
    return found.st_mtime_ns, found.st_size


def _indexed() -> list[Command]:
    """Read from the metadata of all that is installed."""
    from importlib import metadata

    entries = metadata.entry_points(group=GROUP)
    owned = [(entry, entry.dist) for entry in entries if entry.dist is not None]
    return sorted(Command(entry.name, entry.value, dist.name) for entry, dist in owned)


def _read(stamp: str) -> list[Command] | None:
    """What the cache holds, if it was made of these lists."""
    try:
        with open(_path(), encoding="utf-8") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            kept, _, rest = file.read().partition(_END)
    except (OSError, ValueError):
        return None
    *rows, end = [line.split("\t") for line in rest.split("\n")]
    if kept != stamp or end != [_WHOLE] or any(len(row) != len(Command._fields) for row in rows):
        return None
    return [Command(*row) for row in rows]


def _is_ours(found: os.stat_result) -> bool:
    """Whether nobody else can have written it: it says which modules are imported."""
    return os.name != "posix" or (found.st_uid == os.getuid() and not found.st_mode & 0o022)


def _write(stamp: str, found: list[Command]) -> None:
    """Keep an index for the next time: whoever reads meanwhile reads the old one or this one."""
    path = _path()
    temporary = f"{path}.{os.getpid()}"
    rows = ["\t".join(command) for command in found]
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(stamp + _END + "\n".join([*rows, _WHOLE]))
        os.replace(temporary, path)
    except (OSError, ValueError):  # a name that is no UTF-8 is a ValueError
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _path() -> str:
    """One file for each environment."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "rectune", f"commands-{crc32(os.fsencode(sys.prefix)):08x}.txt")
