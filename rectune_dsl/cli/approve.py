"""Asking a person before real traffic is used."""

from __future__ import annotations

import getpass
import sys

import click

from rectune_dsl.hooks.api import Recommendation, Verdict
from rectune_dsl.workflow.approval import Approver, Unattended
from rectune_dsl.workflow.journaled import Approval


def approver(yes: bool) -> Approver:
    """Who answers: `--yes`, a person at the terminal, or nobody."""
    if yes:
        return Granting()
    return Asking() if sys.stdin.isatty() else Unattended()


class Granting:
    """Grants everything, and says in the journal that it was told to."""

    def launch(self, what: str) -> Approval:
        return Approval(True, getpass.getuser(), "--yes")

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval:
        return Approval(True, getpass.getuser(), "--yes")


class Asking:
    """Asks on the terminal."""

    def launch(self, what: str) -> Approval:
        return _answer(f"Launch {what} on real traffic?")

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval:
        return _answer("The verdict is `ship`. Make the recommended config production?")


def _answer(question: str) -> Approval:
    return Approval(click.confirm(question), getpass.getuser(), "answered on the terminal")
