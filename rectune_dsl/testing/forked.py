"""The command line in processes that are forked from one that has imported it all: it spares them that.

Use it from a script of its own that has no threads.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence

import rectune_dsl
from rectune_dsl import cli

_ROOMS = ("agents", "cli", "dsl", "experiments", "memory", "skillhub", "surrogate", "workflow")


def import_rooms() -> None:
    """Import what a run may need, once for all processes."""
    importlib.import_module("alembic.command")  # which a new store asks for
    for found in pkgutil.walk_packages(rectune_dsl.__path__, "rectune_dsl."):
        if found.name.split(".")[1] in _ROOMS and "migrations" not in found.name:
            importlib.import_module(found.name)


def fork(words: Sequence[str], first: Callable[[], object]) -> int:
    """Start `rectune WORDS`, silent, in a process that does something else `first`; its number."""
    if pid := os.fork():
        return pid
    first()
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    sys.argv = ["rectune", *words]
    cli.main()
    raise AssertionError("the command line did not exit")
