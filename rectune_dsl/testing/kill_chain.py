"""A campaign that is killed in the middle of every act, and resumed each time, to its end.

Each process is a real `rectune run` or `rectune resume` that ends with SIGKILL after it has done its second
act and before that act is recorded, so that every act is once done and lost. They are forked, which spares
them the imports: run it from a script of its own that has no threads.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import rectune_dsl
from rectune_dsl import cli
from rectune_dsl.memory.recorder import Recorder

WRITES_BEFORE_DEATH = 3
"""Attempt and result of one act, attempt of the next."""
MOST = 400
"""Processes after which the run is taken to go on for ever."""
_ROOMS = ("agents", "cli", "dsl", "experiments", "memory", "skillhub", "surrogate", "workflow")


def run_and_kill(store: str, task: str, plugins: Sequence[str] = ()) -> NoReturn:
    """Begin a run of a task and resume it until a process gets to the end. Prints how many were killed, and
    exits as the last one did. `plugins` are files."""
    import_rooms()
    options = [word for file in plugins for word in ("--plugin", file)]
    status, killed = _child([*options, "run", task, "--store", store]), 0
    while os.WIFSIGNALED(status):
        if (killed := killed + 1) == MOST:
            sys.exit("the run never ends")
        status = _child([*options, "resume", "last", "--store", store])
    print(f"killed {killed}")
    sys.exit(os.waitstatus_to_exitcode(status))


def import_rooms() -> None:
    """Import what a run may need, once for all processes."""
    for found in pkgutil.walk_packages(rectune_dsl.__path__, "rectune_dsl."):
        if found.name.split(".")[1] in _ROOMS and "migrations" not in found.name:
            importlib.import_module(found.name)


def _child(args: Sequence[str]) -> int:
    """One process to its end; its wait status."""
    if (pid := os.fork()) == 0:
        _die_in_the_middle()
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        sys.argv = ["rectune", *args]
        cli.main()
    return os.waitpid(pid, 0)[1]


def _die_in_the_middle() -> None:
    write, count = Recorder._write, 0

    def counted(self: Recorder, key: str, body: str) -> None:
        nonlocal count
        count += 1
        if count > WRITES_BEFORE_DEATH:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, key, body)

    Recorder._write = counted  # type: ignore[method-assign]
