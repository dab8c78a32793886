"""Read a task: all its problems at once, and a Task when there is no error among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rectune_dsl.dsl.checks import (
    constraints,
    diversity,
    kinds,
    limits,
    llm,
    metrics,
    names,
    params,
    replay,
    roles,
    sampled,
    segments,
    settings,
    sources,
    traffic,
    vectors,
    wiring,
)
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.extends import Reader, load_all, read_file
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.structure import build

__all__ = ["Checked", "Environment", "check"]

_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    names.check,
    vectors.check,
    segments.check,
    sources.check,
    roles.check,
    params.check,
    constraints.check,
    diversity.check,
    sampled.check,
    metrics.check,
    kinds.check,
    limits.check,
    wiring.check,
    replay.check,
    settings.check,
    llm.check,
    traffic.check,
)


@dataclass(frozen=True)
class Checked:
    """`problems` in the order of the file, those of its bases after it; `task` is None if and only if one of
    them is an error. `source` knows the bases. `remains` is what can be understood of a task with errors, and
    never to be launched; None where nothing can."""

    source: Source
    task: Task | None
    problems: tuple[Diagnostic, ...]
    remains: Task | None = None

    @property
    def sources(self) -> Mapping[str, Source]:
        """The file and its bases, by path."""
        return {source.path: source for source in self.source.chain}

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(p for p in self.problems if p.severity == "error")


def check(source: Source, environment: Environment, read: Reader = read_file) -> Checked:
    """Check a task file's text; `read` opens what it extends. Needs neither network nor backend; the same
    texts give the same answer."""
    source, tree = load_all(source, read)
    if isinstance(tree, Diagnostic):
        return Checked(source, None, (tree,))
    salvage, problems = build(source, tree, environment.functions)
    if salvage is not None:
        draft = Draft(source, salvage.task, environment, salvage.cuts)
        for one in _CHECKS:
            problems.extend(one(draft))
    order = list(dict.fromkeys(s.path for s in source.chain))
    problems.sort(key=lambda p: (order.index(p.path), p.line, p.column, p.code))
    is_sound = salvage is not None and all(p.severity != "error" for p in problems)
    remains = salvage.task if salvage is not None else None
    return Checked(source, remains if is_sound else None, tuple(dict.fromkeys(problems)), remains)
