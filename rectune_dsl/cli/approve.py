"""Asking a person before real traffic is used."""

from __future__ import annotations

import getpass
import sys

import click

from rectune_dsl.hooks.api import Recommendation, UsageError, Verdict
from rectune_dsl.workflow.journaled import Approval


class TerminalApprover:
    """Asks on the terminal; with `yes` it grants everything, and says so in the journal."""

    def __init__(self, yes: bool) -> None:
        self._yes = yes

    def launch(self, what: str) -> Approval:
        return self._ask(f"Launch {what} on real traffic?")

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval:
        return self._ask("The verdict is `ship`. Make the recommended config production?")

    def _ask(self, question: str) -> Approval:
        if self._yes:
            return Approval(True, getpass.getuser(), "--yes")
        if not sys.stdin.isatty():
            raise UsageError(
                f"nobody is here to answer: {question}",
                help="resume in a terminal, or with --yes to launch and ship without asking",
            )
        granted = click.confirm(question)
        return Approval(granted, getpass.getuser(), "answered on the terminal")
