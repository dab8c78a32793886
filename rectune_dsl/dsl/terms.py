"""A stage's terms in the order in which they can be computed, and what its score reads through them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from rectune_dsl.dsl.formula import names
from rectune_dsl.dsl.model import Stage
from rectune_dsl.dsl.table import Formula


class CircularTermsError(ValueError):
    """`cycle` names the terms in a circle, the first again at the end."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(" -> ".join(cycle))
        self.cycle = cycle


def ordered(terms: Mapping[str, Formula]) -> tuple[str, ...]:
    """Terms so that each comes after those it reads. Raises CircularTermsError."""
    reads = {term: [n for n in _names(formula) if n in terms] for term, formula in terms.items()}
    try:
        return tuple(TopologicalSorter(reads).static_order())
    except CycleError as error:
        raise CircularTermsError(tuple(reversed(error.args[1]))) from None


def reached(stage: Stage) -> frozenset[str]:
    """Every name that the stage's score reads, also through terms; the terms themselves included."""
    found: set[str] = set()
    todo = [stage.score]
    while todo:
        for name in _names(todo.pop()):
            if name not in found and name in stage.terms:
                todo.append(stage.terms[name])
            found.add(name)
    return frozenset(found)


def _names(formula: Formula) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n.name for n in names(formula.tree)))
