"""A campaign that is killed in the middle of every act, and resumed each time, to its end.

Each process is a real `rectune run` or `rectune resume` that ends with SIGKILL after it has done its second
act and before that act is recorded, so that every act is once done and lost. They are forked, which spares
them the imports: run it from a script of its own that has no threads.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.testing.forked import fork, import_rooms

WRITES_BEFORE_DEATH = 3
"""Attempt and result of one act, attempt of the next."""
MOST = 400
"""Processes after which the run is taken to go on for ever."""


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


def _child(args: Sequence[str]) -> int:
    """One process to its end; its wait status."""
    return os.waitpid(fork(args, first=_die_in_the_middle), 0)[1]


def _die_in_the_middle() -> None:
    write, count = Recorder._write, 0

    def counted(self: Recorder, key: str, body: str) -> None:
        nonlocal count
        count += 1
        if count > WRITES_BEFORE_DEATH:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, key, body)

    Recorder._write = counted  # type: ignore[method-assign]
