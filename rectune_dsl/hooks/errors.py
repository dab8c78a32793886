"""Errors that every room and plugin may raise. Each kind ends the command line with its own exit code."""

from __future__ import annotations


class RectuneError(Exception):
    """Something a person has to act on. `help` says what to do next."""

    exit_code = 4

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class UsageError(RectuneError):
    """The command, the task or the store is not as it should be (exit code 2)."""

    exit_code = 2


class PluginError(RectuneError):
    """A plugin that is needed could not be loaded or did not keep its contract (exit code 3)."""

    exit_code = 3


class BackendError(RectuneError):
    """A backend refused or failed (exit code 3)."""

    exit_code = 3
