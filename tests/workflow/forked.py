"""The command line in processes that are forked from one that has imported it all: it spares them that.

    python forked.py JOBS

JOBS is JSON, a list of [folder, words]: each is `rectune WORDS` in a folder, and all run at once. Ends with 0
if all of them do.
"""

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from functools import partial

import rectune_dsl
from rectune_dsl import cli

ROOMS = ("agents", "cli", "dsl", "experiments", "memory", "skillhub", "surrogate", "workflow")


def import_all() -> None:
    importlib.import_module("alembic.command")  # which a new store asks for
    for found in pkgutil.walk_packages(rectune_dsl.__path__, "rectune_dsl."):
        if found.name.split(".")[1] in ROOMS and "migrations" not in found.name:
            importlib.import_module(found.name)


def fork(words: list[str], first: Callable[[], object]) -> int:
    """Start `rectune WORDS`, silent, in a process that does something else `first`; its number."""
    if pid := os.fork():
        return pid
    first()
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    sys.argv = ["rectune", *words]
    cli.main()
    raise AssertionError("the command line did not exit")


def main() -> None:
    import_all()
    started = [fork(words, partial(os.chdir, folder)) for folder, words in json.loads(sys.argv[1])]
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started]
    sys.exit(any(ended))


if __name__ == "__main__":
    main()
