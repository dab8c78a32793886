"""Read a task: all its problems at once, and a Task when there is no error among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rectune_dsl.dsl.checks import (
    constraints,
    diversity,
    limits,
    metrics,
    names,
    params,
    roles,
    sampled,
    wiring,
)
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.load import load
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.structure import build

__all__ = ["Checked", "Environment", "check"]

_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    names.check,
    roles.check,
    params.check,
    constraints.check,
    diversity.check,
    sampled.check,
    metrics.check,
    limits.check,
    wiring.check,
)


@dataclass(frozen=True)
class Checked:
    """`problems` in the order of the file; `task` is None if and only if one of them is an error."""

    source: Source
    task: Task | None
    problems: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(p for p in self.problems if p.severity == "error")


def check(source: Source, environment: Environment) -> Checked:
    """Check a task file's text. Needs neither network nor backend; the same text gives the same answer."""
    tree = load(source)
    if isinstance(tree, Diagnostic):
        return Checked(source, None, (tree,))
    salvage, problems = build(source, tree, environment.functions)
    if salvage is not None:
        draft = Draft(source, salvage.task, environment, salvage.cuts)
        for one in _CHECKS:
            problems.extend(one(draft))
    problems.sort(key=lambda p: (p.line, p.column, p.code))
    is_sound = salvage is not None and all(p.severity != "error" for p in problems)
    return Checked(source, salvage.task if salvage and is_sound else None, tuple(dict.fromkeys(problems)))
