"""Answers to a run's questions: from this terminal while it runs, or from any other at any time."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from rectune_dsl.memory.process import user_name
from rectune_dsl.workflow.approval import Approver, Unattended
from rectune_dsl.workflow.journaled import Approval, Request

_QUESTIONS = {
    "launch": "Launch this experiment?",
    "confirm": "Launch the confirmation?",
    "ship": "Make the recommended config production?",
}


def approver(yes: bool, before_asking: Callable[[], None] = lambda: None) -> Approver:
    """Who is here: `--yes`, a person at the terminal, or nobody."""
    if yes:
        return Granting()
    return Asking(before_asking) if is_somebody_here() else Unattended()


def is_somebody_here() -> bool:
    """Whether a person is at the terminal, who can be asked."""
    return sys.stdin.isatty()


class Granting:
    """Grants everything, and says in the journal that it was told to."""

    def answer(self, request: Request) -> Approval:
        return Approval(True, user_name(), "--yes")


class Asking:
    """Asks on the terminal, where the request has been printed. A no is final for the run."""

    def __init__(self, before_asking: Callable[[], None]) -> None:
        self._before_asking = before_asking

    def answer(self, request: Request) -> Approval:
        self._before_asking()
        granted = click.confirm(_QUESTIONS[request.what])
        return Approval(granted, user_name(), "answered on the terminal")


def answer(run: str, step: str, store: str, granted: bool, by: str, why: str) -> None:
    """Answer from another terminal, and say what happens next."""
    from rectune_dsl.cli.common import store_flag
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.console import console
    from rectune_dsl.report.pages.blocks import Prose
    from rectune_dsl.report.standing import answered_words, going_on_words
    from rectune_dsl.report.terminal import print_blocks
    from rectune_dsl.workflow.approval import answer_request
    from rectune_dsl.workflow.standing import standing

    journal = Journal(store, create=False)
    name = journal.find(run).run
    given = Approval(granted, by, why)
    answer_request(journal, name, step, given)
    done = f"{answered_words(f'{step} of run {name}', given)}."
    next_ = going_on_words(standing(journal, name), store_flag(store))
    print_blocks(console(), (Prose(done), Prose(next_)))
