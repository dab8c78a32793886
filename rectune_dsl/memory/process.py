"""Which process this is, and whether another one is surely gone."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_STARTED, _STATE = 21, 2
"""Places of two fields in /proc/PID/stat."""


@dataclass(frozen=True)
class Process:
    """`machine` tells apart what numbers processes on its own, `born` what had the same number before."""

    holder: str
    machine: str
    process: int
    born: str


@lru_cache(maxsize=1)
def _machine() -> str:
    parts = [socket.gethostname()]
    for file in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(file)
        try:
            parts.append(os.readlink(path) if path.is_symlink() else path.read_text().strip())
        except OSError:  # not Linux
            continue
    return " ".join(parts)


def this_process() -> Process:
    number = os.getpid()
    holder = f"{user_name()}@{socket.gethostname()}, process {number}"
    return Process(holder, _machine(), number, _born(number) or "")


def is_gone(other: Process) -> bool:
    """Whether it surely runs no more. One of another machine may always be there."""
    if other.machine != _machine():
        return False
    try:
        os.kill(other.process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    born = _born(other.process)
    return born is not None and born != other.born


def user_name() -> str:
    """Of who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return str(os.getuid())


def _born(process: int) -> str | None:
    """When it began, in the system's own count; empty for one that ended and waits to be noticed, None where
    the system does not tell."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold spaces
    return "" if fields[_STATE - 2] == "Z" else fields[_STARTED - 2]
