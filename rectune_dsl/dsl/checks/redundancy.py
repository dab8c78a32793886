"""Params that only matter together: multiplied by powers of one factor, they leave every slate as it is.

`w_a * p_a + w_b * p_b` as a whole score orders by `w_a / w_b` alone. Exact: every warning is a theorem about
the formulas (see `dsl/formula/degrees.py`), up to rounding. Also said here is of one param alone that it
changes nothing, where that follows from the formulas; `effects` finds the rest by trying.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.roles import candidate_wide, varies
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Call, Name, Node, Number, names
from rectune_dsl.dsl.formula.degrees import Degrees, Meanings, factors, in_order
from rectune_dsl.dsl.formula.nullspace import Form, free_directions, plus
from rectune_dsl.dsl.formula.tree import children
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.stages import Stage

_MOST_NAMED = 12


def redundancies(draft: Draft, task: Task) -> tuple[Form, ...]:
    """Directions in which params can be scaled: `{w: d}` says that each `w` times `x ** d`, for one `x > 0`,
    leaves every order. Every stage must be computable."""
    return _Funnel(draft, task).directions()


def check(draft: Draft, task: Task, found: tuple[Form, ...], idle: frozenset[str]) -> Iterator[Diagnostic]:
    """A warning for each of the directions `found`, but for params that were said to be `idle`."""
    for direction in found:
        if direction.keys() <= idle:
            continue
        fixed = _to_fix(task, direction)
        tuned = next(tuned for tuned in draft.params() if tuned.name == fixed)
        # no fix: which ratios remain within the others' bounds is for the author to see
        message, help = _message(direction), _help(task, direction, fixed)
        yield draft.problem("RT317", tuned.path, message, help, part="key")


def without_effect(task: Task, found: tuple[Form, ...]) -> frozenset[str]:
    """Params of which every value gives the same order: alone in a direction, and of one sign."""
    alone = [next(iter(direction)) for direction in found if len(direction) == 1]
    return frozenset(name for name in alone if _has_one_sign(task.params[name]))


# --- the equations of a funnel -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Funnel:
    draft: Draft
    task: Task

    def directions(self) -> tuple[Form, ...]:
        found = self._of_sizes()
        for stage_name in self.task.stages:
            if self._only_orders(stage_name):
                found += [d for d in self._of_powers(stage_name) if not _is_spanned(d, found)]
        return tuple(found)

    def _of_sizes(self) -> list[Form]:
        """Directions in which all scores are multiplied by something."""
        equations: list[Form] = []
        zeros: list[str] = []
        read: dict[str, None] = {}
        score: Form = {}
        for stage_name, stage in self.task.stages.items():
            degrees = Degrees(self._meanings(stage_name, score), stage_name)
            score = degrees.of(in_order(_score(stage)) if self._only_orders(stage_name) else stage.score.tree)
            self._further(degrees, stage_name, score)
            equations += degrees.equations
            zeros += degrees.unknowns
            read |= dict.fromkeys(self._read(stage))
        return _directions(equations, zeros, tuple(read))

    def _of_powers(self, stage_name: str) -> list[Form]:
        """Directions in which a stage's scores are raised to a power."""
        stage = self.task.stages[stage_name]
        wide = candidate_wide(self.draft, stage_name)
        degrees = Degrees(self._meanings(stage_name, {}), stage_name)
        powers = []
        for factor in factors(in_order(_score(stage))):
            if degrees.is_nonnegative(factor) and not varies(factor, wide):
                degrees.of(factor)  # is 0 or not, whatever the scale, and the same for all candidates
            else:
                powers.append(degrees.of_power(factor))
        known = [power for power in powers if power is not None]
        if not known or len(known) < len(powers):
            return []
        for one, other in pairwise(known):
            degrees.must_be_fixed(plus(one, other, Fraction(-1)))
        self._further(degrees, stage_name, {})
        return _directions(degrees.equations, degrees.unknowns, self._read(stage))

    def _further(self, degrees: Degrees, stage_name: str, score: Form) -> None:
        """What a stage does besides ordering."""
        stage = self.task.stages[stage_name]
        for formula in stage.filters.values():
            degrees.of(formula.tree)  # 0 or not, whatever the scale
        if stage.diversity is not None:
            penalty = degrees.of(stage.diversity.penalty.tree)
            degrees.must_be_fixed(plus(penalty, score, Fraction(-1)))
        if draws(self.task, stage_name):
            degrees.must_be_fixed(score)

    def _only_orders(self, stage_name: str) -> bool:
        """Whether nothing but the order of a stage's scores matters."""
        stages = list(self.task.stages)
        following = stages[stages.index(stage_name) + 1 :][:1]
        diversity = self.task.stages[stage_name].diversity
        has_penalty = diversity is not None and diversity.penalty.tree != Number(0.0)
        formulas = (formula for name in following for formula in _formulas(self.task.stages[name]))
        is_read = any(_reads_sizes(formula) for formula in formulas)
        return not (has_penalty or is_read or draws(self.task, stage_name))

    def _meanings(self, stage_name: str, score: Form) -> Meanings:
        stage, params = self.task.stages[stage_name], self.task.params
        positive = {n for n, p in params.items() if p.low >= 0}
        positive |= {n for n, value in stage.constants.items() if value >= 0}
        positive |= {n for n, signal in self.task.signals.items() if signal.domain[0] >= 0}
        terms = {name: term.tree for name, term in stage.terms.items()}
        tunable = frozenset(n for n, p in params.items() if p.type == "float")
        return Meanings(tunable, stage.constants, terms, frozenset(positive), score)

    def _read(self, stage: Stage) -> tuple[str, ...]:
        """The tunable params that a stage's results depend on; whole numbers cannot be scaled."""
        terms = {name: term.tree for name, term in stage.terms.items()}
        todo, seen = [stage.score.tree, *(f.tree for f in stage.filters.values())], dict[str, None]()
        if stage.diversity is not None:
            todo.append(stage.diversity.penalty.tree)
        while todo:
            for name in names(todo.pop()):
                if name.name in terms and name.name not in seen:
                    todo.append(terms[name.name])
                seen[name.name] = None
        params = self.task.params
        return tuple(n for n in params if n in seen and params[n].type == "float")


def draws(task: Task, stage_name: str) -> bool:
    """Whether the stage's items are drawn by the size of their scores, as a softmax policy does."""
    is_softmax = task.replay is not None and task.replay.policy == "softmax"
    return is_softmax and task.experiment.backend == "replay" and stage_name == task.slate_stage


def _score(stage: Stage) -> Node:
    """A stage's score, or the term that it is."""
    tree = stage.score.tree
    while isinstance(tree, Name) and tree.name in stage.terms:
        tree = stage.terms[tree.name].tree
    return tree


def _formulas(stage: Stage) -> Iterator[Node]:
    yield stage.score.tree
    for formulas in (stage.terms, stage.filters):
        yield from (formula.tree for formula in formulas.values())


def _reads_sizes(node: Node) -> bool:
    """Whether a formula reads more of `score` than the order by it."""
    if isinstance(node, Call) and node.function == "rank" and node.arguments == (Name("score"),):
        return False
    return node == Name("score") or any(_reads_sizes(child) for child in children(node))


def _directions(equations: list[Form], zeros: list[str], params: tuple[str, ...]) -> list[Form]:
    """Solutions in the params; what fits the zeros follows. Params without effect on their own come first."""
    unknowns = (*zeros, *params, *sorted({n for e in equations for n in e} - {*zeros, *params}))
    found = [{n: d for n, d in form.items() if n in params} for form in free_directions(equations, unknowns)]
    return [_whole(form) for form in found if form]


def _whole(direction: Form) -> Form:
    """The direction in the smallest whole numbers, most of them positive."""
    common = math.lcm(*(d.denominator for d in direction.values()))
    numbers = {n: d * common for n, d in direction.items()}
    divisor = math.gcd(*(d.numerator for d in numbers.values()))
    balance = sum(1 if d > 0 else -1 for d in numbers.values())
    sign = 1 if balance > 0 or (balance == 0 and next(iter(direction.values())) > 0) else -1
    return {n: sign * d / divisor for n, d in numbers.items()}


def _is_spanned(direction: Form, others: list[Form]) -> bool:
    """Whether it follows from the others: as many stay independent without it."""
    unknowns = tuple(dict.fromkeys(n for form in (direction, *others) for n in form))
    return len(free_directions(others, unknowns)) == len(free_directions([*others, direction], unknowns))


# --- what is said ------------------------------------------------------------------------------------


def _to_fix(task: Task, direction: Form) -> str:
    """The param that is best made a constant: of one sign, so that nothing is lost, a number of its own,
    and with the least room, so that the others reach most."""

    def loss(name: str) -> tuple[bool, bool, bool, float]:
        param = task.params[name]
        room = math.log(param.high / param.low) if param.low > 0 else math.inf
        return "[" in name, param.production == 0, not _has_one_sign(param), room

    return min(direction, key=loss)


def _message(direction: Form) -> str:
    degrees = set(direction.values())
    shown = [f"`{name}`" for name in list(direction)[:_MOST_NAMED]]
    more = [f"{len(direction) - _MOST_NAMED} more"] if len(direction) > _MOST_NAMED else []
    effect = "leaves the order of every slate as it is"
    if len(direction) == 1:
        return f"multiplying {shown[0]} by a positive factor {effect}"
    if degrees == {Fraction(1)}:
        return f"multiplying {_listed([*shown, *more])} by the same factor {effect}"
    parts = [f"{name} by {_factor(direction[name.strip('`')])}" for name in shown]
    return f"multiplying {_listed([*parts, *more])}, for any x > 0, {effect}"


def _factor(degree: Fraction) -> str:
    size = abs(degree)
    power = "x" if size == 1 else f"x ** {size}"
    return power if degree > 0 else f"1 / {power}"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _help(task: Task, direction: Mapping[str, Fraction], fixed: str) -> str:
    param = task.params[fixed]
    if "[" in fixed or "." in fixed or param.production == 0:
        return "only their ratios matter: write one of them as a constant that is not 0"
    constant = f"write {fixed} = {param.production!r}, a constant"
    return constant if len(direction) == 1 else f"only their ratios matter: {constant}"


def _has_one_sign(param: Param) -> bool:
    return param.low > 0 or param.high < 0
