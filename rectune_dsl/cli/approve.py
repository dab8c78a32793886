"""Asking a person before real traffic is used."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

import click

from rectune_dsl.hooks.api import Recommendation, Verdict
from rectune_dsl.workflow.approval import Approver, Unattended
from rectune_dsl.workflow.journaled import Approval


def approver(yes: bool, before_asking: Callable[[], None] = lambda: None) -> Approver:
    """Who answers: `--yes`, a person at the terminal, or nobody."""
    if yes:
        return Granting()
    return Asking(before_asking) if sys.stdin.isatty() else Unattended()


class Granting:
    """Grants everything, and says in the journal that it was told to."""

    def launch(self, what: str) -> Approval:
        return Approval(True, getpass.getuser(), "--yes")

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval:
        return Approval(True, getpass.getuser(), "--yes")


class Asking:
    """Asks on the terminal. A no is final for the run."""

    def __init__(self, before_asking: Callable[[], None]) -> None:
        self._before_asking = before_asking

    def launch(self, what: str) -> Approval:
        return self._answer(f"Launch {what} on real traffic?")

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval:
        self._before_asking()
        for reason in verdict.reasons:
            click.echo(reason)
        return self._answer("The verdict is `ship`. Make the recommended config production?")

    def _answer(self, question: str) -> Approval:
        self._before_asking()
        return Approval(click.confirm(question), getpass.getuser(), "answered on the terminal")
