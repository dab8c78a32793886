"""Experiments that far fewer or far more units came to than were planned, in words."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from rectune_dsl.experiments.turnout import unplanned
from rectune_dsl.hooks.api import ExperimentSpec, Finish, Freeze
from rectune_dsl.report.view import RunView
from rectune_dsl.workflow.journaled import Look


def turnout(spec: ExperimentSpec, look: Look) -> str:
    """What a look shows of who came; empty where that is as planned, or the look says itself why it froze."""
    if any(isinstance(action, Freeze) for action in look.actions):
        return ""
    is_over = look.as_of >= spec.ends and any(isinstance(action, Finish) for action in look.actions)
    return unplanned(spec, look.observation, is_over)


def print_turnout(out: Console, view: RunView) -> None:
    """One line per experiment whose last look has something to say of who came, or why it froze."""
    for name, spec, look in _experiments(view):
        frozen = (action.why for action in look.actions if isinstance(action, Freeze))
        if said := turnout(spec, look) or next(frozen, ""):
            out.print(Text(f"{name}: {said}", "red"))


def _experiments(view: RunView) -> Iterator[tuple[str, ExperimentSpec, Look]]:
    for round in view.rounds:
        if round.spec is not None and round.looks:
            yield f"round {round.round}", round.spec, round.looks[-1]
    if view.confirming is not None:
        yield "confirmation", *view.confirming
