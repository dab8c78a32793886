"""Scores, tried out: finite everywhere, and true to their contracts. By dense sampling, not by proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks import samples
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Call, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.model import Stage, Task
from rectune_dsl.dsl.terms import CircularTermsError, ordered, reached

Array = NDArray[Any]

_ROUNDING = 1e-9  # relative to the largest score of the point
_MOST_SHOWN = 12


def check(draft: Draft, task: Task, sample: samples.Sample) -> Iterator[Diagnostic]:
    before: Array | None = None
    for stage_name in task.stages:
        values = _values(task, stage_name, sample, before)
        before = None
        if can_be_computed(draft, stage_name, values.keys()):
            scores = _scores(draft, task.stages[stage_name], values, np.float32)
            bad = np.argwhere(~np.isfinite(scores))
            if len(bad):
                yield _not_finite(draft, stage_name, values, scores, bad)
            else:
                before = scores
                yield from _contracts(draft, stage_name, values)


def _values(
    task: Task, stage_name: str, sample: samples.Sample, before: Array | None
) -> dict[str, float | Array]:
    stage = task.stages[stage_name]
    signals = task.signals.items()
    provided = [n for n, s in signals if s.stages is None or stage_name in s.stages]
    values: dict[str, float | Array] = {n: sample.signals[n] for n in provided}
    values |= stage.constants
    values |= {n: sample.params[n] for n in stage.params if n in sample.params}
    if before is not None:
        values["score"] = before
    return values


def can_be_computed(draft: Draft, stage_name: str, known: Iterable[str]) -> bool:
    stage = draft.task.stages[stage_name]
    if draft.cuts.touch(("stages", stage_name, "score")):
        return False
    try:
        ordered(stage.terms)
    except CircularTermsError:
        return False
    functions = FUNCTIONS.keys() | draft.environment.implementations.keys()
    read = [stage.score, *(f for t, f in stage.terms.items() if t in reached(stage))]
    called = {n.function for f in read for n in walk(f.tree) if isinstance(n, Call)}
    return called <= functions and reached(stage) <= {*known, *stage.terms}


def _scores(draft: Draft, stage: Stage, values: Mapping[str, Any], dtype: type[np.floating[Any]]) -> Array:
    with np.errstate(over="ignore"):  # what overflows float32 is what the check is to find
        arrays = {n: v.astype(dtype) if isinstance(v, np.ndarray) else v for n, v in values.items()}
    shape = np.broadcast_shapes(*(np.shape(v) for v in arrays.values()), (1, 1))
    functions = draft.environment.implementations
    return samples.score(stage, arrays, shape, functions)


# --- finite ----------------------------------------------------------------------------------------


def _not_finite(
    draft: Draft, stage_name: str, values: Mapping[str, Any], scores: Array, bad: Array
) -> Diagnostic:
    row, column = bad[0]
    where = _describe(draft.task.stages[stage_name], values, row, column)
    message = f"the score of stage `{stage_name}` is {scores[row, column]}{where}"
    help = "keep logarithms, divisions and powers away from 0 and from overflow, as in log(x + 0.01)"
    return draft.problem("RT207", ("stages", stage_name, "score"), message, help)


# --- contracts -------------------------------------------------------------------------------------


def _contracts(draft: Draft, stage_name: str, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Hold the stage's own formula to what it says of a signal; the previous `score` is held fixed."""
    stage = draft.task.stages[stage_name]
    read = reached(stage)
    wide = samples.is_request_wide(stage)
    points = samples.POINTS // 4 if wide else samples.POINTS
    arrays = {
        n: v if wide else v[:, :1] for n, v in values.items() if n in read and isinstance(v, np.ndarray)
    }
    constants = {n: v for n, v in values.items() if not isinstance(v, np.ndarray)}
    for name, contract in stage.expect.items():
        if name not in arrays or name not in draft.task.signals:
            continue  # a score that does not read the signal keeps any contract
        varied, steps = samples.vary(arrays, name, draft.task.signals[name], points)
        scores = _scores(draft, stage, {**constants, **varied}, np.float64)[:, :, 0]
        sign = 1 if contract == "nondecreasing" else -1
        with np.errstate(invalid="ignore"):
            gains = sign * np.diff(scores, axis=1)
        slack = _ROUNDING * np.maximum(1e-300, np.abs(scores).max(axis=1, keepdims=True))
        if (gains < -slack).any():
            row, step = np.unravel_index(np.argmin(gains / slack), gains.shape)
            moves = "falls" if sign > 0 else "rises"
            here, there = scores[row, step], scores[row, step + 1]
            where = _describe(stage, {n: v for n, v in values.items() if n != name}, int(row), 0)
            message = (
                f"not {contract}: the score {moves} from {here:.6g} to {there:.6g} when `{name}` "
                f"goes from {steps[step]:.4g} to {steps[step + 1]:.4g}{where}"
            )
            help = "change the formula or the bounds of its params, or give up the contract"
            yield draft.problem("RT209", ("stages", stage_name, "expect", name), message, help)


def _describe(stage: Stage, values: Mapping[str, Any], row: int, column: int) -> str:
    """The numbers of one point, of the names that the score reads."""
    shown = []
    for name in sorted(reached(stage) & values.keys()):
        value = np.asarray(values[name])
        if value.ndim:
            shown.append(f"{name} = {value[row, min(column, value.shape[1] - 1)]:.4g}")
    rest = ", ..." if len(shown) > _MOST_SHOWN else ""
    return f" at {', '.join(shown[:_MOST_SHOWN])}{rest}" if shown else ""
