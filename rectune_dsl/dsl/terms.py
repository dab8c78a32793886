"""A stage's terms in the order in which they can be computed, and what its score reads through them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.stages import Signal, Stage
from rectune_dsl.dsl.table import Formula


class CircularTermsError(ValueError):
    """`cycle` names the terms in a circle, the first again at the end."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(" -> ".join(cycle))
        self.cycle = cycle


def ordered(terms: Mapping[str, Formula]) -> tuple[str, ...]:
    """Terms so that each comes after those it reads. Raises CircularTermsError."""
    reads = {term: [n for n in formula.reads if n in terms] for term, formula in terms.items()}
    try:
        return tuple(TopologicalSorter(reads).static_order())
    except CycleError as error:
        raise CircularTermsError(tuple(reversed(error.args[1]))) from None


def reached(stage: Stage) -> frozenset[str]:
    """Every name that the stage's score and filters read, also through terms; with the terms themselves."""
    found: set[str] = set()
    todo = [stage.score, *stage.filters.values()]
    while todo:
        for name in todo.pop().reads:
            if name not in found and name in stage.terms:
                todo.append(stage.terms[name])
            found.add(name)
    return frozenset(found)


def signals_read(task: Task) -> dict[str, Signal]:
    """Signals that matter to what any stage does."""
    penalties = (s.diversity.penalty for s in task.stages.values() if s.diversity is not None)
    read = {name for penalty in penalties for name in penalty.reads}
    read = read.union(*(reached(stage) for stage in task.stages.values()))
    return {name: signal for name, signal in task.signals.items() if name in read}
