"""Tree to Task, as far as it goes: every structural problem, and what is left when the broken parts go.

A file with a wrong type in one place still has formulas worth checking in the others. So broken entries
are cut out, what the model cannot do without is filled in, and the cuts are remembered: no check
complains about a name that was cut, or about what was filled in.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.source import Source

if TYPE_CHECKING:
    from rectune_dsl.dsl.faults import (
        Fault,  # most files have none, so nothing of faults is imported for them
    )

Tree = dict[str, Any]
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass
class Cuts:
    """Key paths that were cut or filled in, all keys from there on, and all words of the strings there."""

    paths: set[KeyPath] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    def touch(self, path: KeyPath) -> bool:
        """Whether something at, above or below `path` was cut."""
        return any(c[: len(path)] == path[: len(c)] for c in self.paths)

    def add(self, path: KeyPath, value: object) -> None:
        self.paths.add(path)
        self.keys.add(str(path[-1]))
        stack = [value]
        while stack:
            match stack.pop():
                case str(text):
                    self.words.update(_WORD.findall(text))
                case dict() as table:
                    self.keys.update(table)
                    stack.extend(table.values())
                case list() as items:
                    stack.extend(items)


@dataclass(frozen=True)
class Salvage:
    """What is left of a task, and what was cut away from it."""

    task: Task
    cuts: Cuts


def build(
    source: Source, tree: Tree, functions: Mapping[str, Signature]
) -> tuple[Salvage | None, list[Diagnostic]]:
    """The task as far as it can be understood (None when there are no stages left), and every problem."""
    outcome = _validate(tree, functions)
    if isinstance(outcome, Task):
        return Salvage(outcome, Cuts()), []
    from rectune_dsl.dsl.faults import problem

    problems = [problem(source, fault, tree) for fault in _without_echoes(outcome)]
    return _salvage(copy.deepcopy(tree), outcome, functions), problems


def _validate(tree: Tree, functions: Mapping[str, Signature]) -> Task | list[Fault]:
    try:
        return Task.model_validate(tree, context={"functions": functions})
    except ValidationError as error:
        return list(_faults(error))


def _faults(error: ValidationError) -> Iterator[Fault]:
    from rectune_dsl.dsl.faults import Fault
    from rectune_dsl.dsl.shape import key_path

    for details in error.errors(include_url=False, include_input=False):
        yield Fault(key_path(details["loc"]), details["type"], details["msg"], details.get("ctx") or {})


def _value(tree: Any, path: KeyPath) -> Any:
    for step in path:
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _without_echoes(faults: Sequence[Fault]) -> list[Fault]:
    """Faults but for missing keys that stand there misspelt, and for lists that are only too short without
    their broken elements: one slip, one problem."""
    meant = {(*f.path[:-1], f.guess) for f in faults if f.guess is not None}
    broken = {f.path[:-1] for f in faults}
    return [
        f
        for f in faults
        if not (f.kind == "missing" and f.path in meant) and not (f.kind == "too_short" and f.path in broken)
    ]


# --- cutting -------------------------------------------------------------------------------------

_FILL: Mapping[KeyPath, Any] = {
    ("dsl",): 1,
    ("task",): {},
    ("task", "name"): "unnamed",
    ("task", "surface"): "unnamed",
    ("signals",): {},
    ("stages", "*", "keep"): 1,
    ("stages", "*", "score"): "0",
    ("metrics",): {"unnamed": {"goal": "maximize"}},
    ("experiment",): {},
    ("experiment", "users_per_arm"): 2,
    ("experiment", "days"): 1,
    ("confirm",): {},
    ("confirm", "users_per_arm"): 2,
    ("confirm", "days"): 1,
}
_MAX_CUTS = 50


def _salvage(tree: Tree, faults: list[Fault], functions: Mapping[str, Signature]) -> Salvage | None:
    cuts = Cuts()
    for _ in range(_MAX_CUTS):
        if not all(_repair(tree, fault, cuts) for fault in faults):
            return None
        outcome = _validate(tree, functions)
        if isinstance(outcome, Task):
            return Salvage(outcome, cuts)
        faults = outcome
    return None


def _repair(tree: Tree, fault: Fault, cuts: Cuts) -> bool:
    path = fault.path
    if fault.kind == "missing":
        filling = _filling(path)
        table = _value(tree, path[:-1])
        if filling is not None and isinstance(table, dict):
            table[path[-1]] = copy.deepcopy(filling)
            cuts.add(path, None)
            return True
        path = path[:-1]
    while path and not isinstance(_value(tree, path[:-1]), dict):
        path = path[:-1]  # of a list, the whole list goes
    if not path:
        return False
    cuts.add(path, _value(tree, path[:-1]).pop(path[-1], None))
    return True


def _filling(path: KeyPath) -> Any:
    for pattern, filling in _FILL.items():
        if len(pattern) == len(path) and all(p in ("*", s) for p, s in zip(pattern, path, strict=True)):
            return filling
    return None
