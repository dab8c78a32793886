"""Runs a campaign that is killed in every single act, and resumed each time, to its end.

    python kill_chain.py STORE TASK [PLUGIN]

Each child process is a real `rectune run` or `rectune resume` that ends with SIGKILL after it has done its
second act and before that act is recorded, so that every act is once done and lost. The children are forked,
which spares them the imports. Prints how many were killed.
"""

import importlib
import os
import pkgutil
import signal
import sys

import rectune_dsl
from rectune_dsl import cli
from rectune_dsl.memory.recorder import Recorder

ROOMS = ("agents", "cli", "dsl", "experiments", "memory", "skillhub", "surrogate", "workflow")

STORE, TASK, *PLUGINS = sys.argv[1:]
WRITES_BEFORE_DEATH = 3  # attempt and result of one act, attempt of the next
MOST = 400


def main() -> None:
    for found in pkgutil.walk_packages(rectune_dsl.__path__, "rectune_dsl."):
        if found.name.split(".")[1] in ROOMS and "migrations" not in found.name:
            importlib.import_module(found.name)
    child(["run", TASK])
    for killed in range(1, MOST):
        status = child(["resume", "last"])
        if not os.WIFSIGNALED(status):
            sys.exit(print(f"killed {killed}") or os.waitstatus_to_exitcode(status))
    sys.exit("the run never ends")


def child(args: list[str]) -> int:
    """One process to its end; its wait status."""
    if (pid := os.fork()) == 0:
        die_in_the_middle()
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        plugins = [word for file in PLUGINS for word in ("--plugin", file)]
        sys.argv = ["rectune", *plugins, *args, "--store", STORE]
        cli.main()
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
