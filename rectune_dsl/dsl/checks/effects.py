"""Params that change nothing: whatever their value, every stage puts the candidates in the same order.

`w * (p_click + p_like)` as a whole score is the plainest case. What does not follow from the formulas
(see `redundancy`) is found by sampling the whole funnel, since a stage's scores may matter only in the next.
What is in doubt counts as an effect; and since a narrow effect can be missed, what was only sampled is said
to seem so, and is not mended by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks import redundancy
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.roles import candidate_wide, varies
from rectune_dsl.dsl.checks.samples import Sample
from rectune_dsl.dsl.checks.scores import can_be_computed
from rectune_dsl.dsl.checks.trial import Trial
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Number
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.stages import Stage
from rectune_dsl.dsl.terms import reached

Array = NDArray[Any]

_FEW, _MANY = 16, 256
"""Requests for a first look at all params, and for a second at those that seemed to change nothing."""
_ENDS, _PLACES = (0.0, 1.0), (0.0, 1.0, 0.5, 0.2, 0.8)
"""Places within a param's bounds that are compared in each look."""
_TIE = 1e-12
"""Relative difference of scores below which rounding may have made it."""
_ZERO = Number(0.0)


def check(draft: Draft, task: Task, sample: Sample) -> Iterator[Diagnostic]:
    if draft.cuts.paths or not _is_computable(draft, task):
        return
    found = redundancy.redundancies(draft, task)
    idle = redundancy.without_effect(task, found)
    alone = {name for direction in found if len(direction) == 1 for name in direction}
    proved, idle = idle, idle | frozenset(_without_effect(draft, task, sample, alone))
    for name in task.params:
        if name in idle:
            yield _problem(draft, name, name in proved, is_only=len(idle) == len(task.params))
    yield from redundancy.check(draft, task, found, idle)


def _is_computable(draft: Draft, task: Task) -> bool:
    meanings = [*task.signals, *(name for stage in task.stages.values() for name in stage.params)]
    if len(set(meanings)) < len(meanings):
        return False
    before: frozenset[str] = frozenset()
    for stage_name, stage in task.stages.items():
        others = {n for name, other in task.stages.items() if name != stage_name for n in other.tunable}
        known = draft.signals_of(stage_name) | stage.constants.keys() | (task.params.keys() - others) | before
        if not can_be_computed(draft, stage_name, known):
            return False
        before = frozenset({"score"})
    return True


def _without_effect(draft: Draft, task: Task, sample: Sample, known: Collection[str]) -> Iterator[str]:
    """Params that seem to change nothing, but for those that are `known` to be redundant."""
    few, many = Trial(draft, task, sample.params, _FEW), None
    for stage_name in task.stages:
        judged = [name for name in _judged(draft, task, stage_name) if name not in known]
        for name in _idle(task, few, stage_name, judged, _ENDS):
            many = many or Trial(draft, task, sample.params, _MANY)
            if _idle(task, many, stage_name, [name], _PLACES):
                yield name


def _judged(draft: Draft, task: Task, stage_name: str) -> list[str]:
    """Params whose effect would be one on the order: a penalty's is on the slate, a filter's is on who is in
    it, and a score that is the same for all candidates is a problem of its own."""
    stage = task.stages[stage_name]
    if not varies(stage.score.tree, candidate_wide(draft, stage_name)):
        return []
    stages = list(task.stages)
    following = stages[stages.index(stage_name) + 1 :]
    if any("score" in _filtered_by(task.stages[name]) for name in following):
        return []
    spared = set(stage.diversity.penalty.reads) if stage.diversity is not None else set()
    spared |= _filtered_by(stage)
    read = reached(stage) - spared
    return [name for name in task.params if name in read]


def _filtered_by(stage: Stage) -> frozenset[str]:
    """Every name that decides who passes the stage's filters."""
    if not stage.filters:
        return frozenset()
    return reached(stage.model_copy(update={"score": next(iter(stage.filters.values()))}))


def _idle(
    task: Task, trial: Trial, stage_name: str, params: Sequence[str], places: Sequence[float]
) -> list[str]:
    """Those of a stage's `params` that change no stage's order, here or further down."""
    if not params:
        return []
    stages = list(task.stages)
    here = stages.index(stage_name)
    before = trial.served[stages[here - 1]] if here else None
    varied, idle = trial.varied(params, places), np.ones(len(params), bool)
    for name in stages[here:]:
        before = trial.scores(name, varied, before)
        idle &= ~_changes(before, _is_by_size(task, name))
    return [name for name, is_idle in zip(params, idle, strict=True) if is_idle]


def _is_by_size(task: Task, stage_name: str) -> bool:
    """Whether the size of score differences matters, not only their order: to a penalty, or to a policy
    that draws."""
    diversity = task.stages[stage_name].diversity
    if diversity is not None and diversity.penalty.tree != _ZERO:
        return True
    return redundancy.draws(task, stage_name)


def _changes(scores: Array, by_size: bool) -> Array:
    """Whether what is done with scores (params, places, requests, candidates) differs from place to place,
    (params,). Scores that are not finite count as a change."""
    one, other = np.triu_indices(scores.shape[-1], 1)
    with np.errstate(all="ignore"):
        gaps = scores[..., one] - scores[..., other]
        size = np.maximum(np.abs(scores[..., one]), np.abs(scores[..., other]))
        if by_size:
            differ = np.abs(gaps - gaps[:, :1]) > _TIE * 10 * np.maximum(size, size[:, :1])
        else:
            signs = np.where(np.abs(gaps) <= _TIE * size, 0.0, np.sign(gaps))
            differ = signs != signs[:, :1]
    unknown = ~np.isfinite(scores).all(axis=(1, 2, 3))
    changed: Array = differ.any(axis=(1, 2, 3)) | unknown
    return changed


def _problem(draft: Draft, name: str, is_proved: bool, is_only: bool) -> Diagnostic:
    param = draft.task.params[name]
    tuned = next(tuned for tuned in draft.params() if tuned.name == name)
    fix = tuned.as_constant(draft.mend) if is_proved and not is_only else None
    what = "changes no order of candidates"
    if not is_proved:
        what = f"seems to change nothing: it did not in {_MANY} requests that were tried"
    message = f"from {param.low:g} to {param.high:g} `{name}` {what}"
    help = (
        "what multiplies the whole score, or adds the same to all candidates, moves nothing: "
        "weigh one part of the score against another, or make it a constant"
    )
    return draft.problem("RT314", tuned.path, message, help, part="key", fix=fix)
