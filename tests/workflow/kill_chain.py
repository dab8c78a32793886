"""Runs a campaign that is killed in every single act, and resumed each time, to its end.

    python kill_chain.py STORE TASK [PLUGIN]

Each child process is a real `rectune run` or `rectune resume` that ends with SIGKILL after it has done its
second act and before that act is recorded, so that every act is once done and lost. The children are forked,
which spares them the imports. Prints how many were killed.
"""

import os
import signal
import sys

import forked

from rectune_dsl.memory.recorder import Recorder

STORE, TASK, *PLUGINS = sys.argv[1:]
WRITES_BEFORE_DEATH = 3  # attempt and result of one act, attempt of the next
MOST = 400


def main() -> None:
    forked.import_all()
    child(["run", TASK])
    for killed in range(1, MOST):
        status = child(["resume", "last"])
        if not os.WIFSIGNALED(status):
            sys.exit(print(f"killed {killed}") or os.waitstatus_to_exitcode(status))
    sys.exit("the run never ends")


def child(args: list[str]) -> int:
    """One process to its end; its wait status."""
    plugins = [word for file in PLUGINS for word in ("--plugin", file)]
    pid = forked.fork([*plugins, *args, "--store", STORE], first=die_in_the_middle)
    return os.waitpid(pid, 0)[1]


def die_in_the_middle() -> None:
    write, count = Recorder._write, 0

    def counted(self: Recorder, key: str, body: str) -> None:
        nonlocal count
        count += 1
        if count > WRITES_BEFORE_DEATH:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, key, body)

    Recorder._write = counted  # type: ignore[method-assign]


main()
