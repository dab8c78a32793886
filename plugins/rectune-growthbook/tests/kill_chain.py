"""Runs a campaign that is killed in the middle of every act, and resumed each time, to its end.

    python kill_chain.py STORE TASK PLUGIN CLOCK_URL

Each child is a real `rectune run` or `rectune resume` that ends with SIGKILL after it has done an act and
before that act is recorded, so that every act is once done and lost. Its days are those of the server's
clock, and where it has to wait, that clock goes on. Prints how many were killed.
"""

import importlib
import json
import os
import pkgutil
import signal
import sys
import urllib.request
from datetime import datetime, timedelta

import httpx  # noqa: F401  (imported once, for all children)
import rectune_growthbook.backend  # noqa: F401

import rectune_dsl
from rectune_dsl import cli
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow import clock

STORE, TASK, PLUGIN, CLOCK = sys.argv[1:]
WRITES_BEFORE_DEATH = 3  # attempt and result of one act, attempt of the next
MOST = 300
ROOMS = ("agents", "cli", "dsl", "experiments", "memory", "skillhub", "surrogate", "workflow")


def main() -> None:
    for found in pkgutil.walk_packages(rectune_dsl.__path__, "rectune_dsl."):
        if found.name.split(".")[1] in ROOMS and "migrations" not in found.name:
            importlib.import_module(found.name)
    clock.utc_now = lambda: asked(None)
    clock.SystemClock.left = passed
    status = child(["run", TASK])
    for killed in range(1, MOST):
        if not os.WIFSIGNALED(status):
            sys.exit(print(f"killed {killed - 1}") or os.waitstatus_to_exitcode(status))
        status = child(["resume", "last"])
    sys.exit("the run never ends")


def asked(until: datetime | None) -> datetime:
    """The server's time; at a moment, where it was not that late."""
    body = None if until is None else json.dumps({"until": until.isoformat()}).encode()
    request = urllib.request.Request(CLOCK, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return datetime.fromisoformat(json.load(reply)["now"])


def passed(self: clock.SystemClock, moment: datetime) -> timedelta:
    asked(moment)
    return timedelta()


def child(args: list[str]) -> int:
    """One process to its end; its wait status."""
    if (pid := os.fork()) == 0:
        die_in_the_middle()
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        sys.argv = ["rectune", "--plugin", PLUGIN, *args, "--store", STORE]
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

    Recorder._write = counted


main()
