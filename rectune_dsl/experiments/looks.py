"""What one look at a running experiment shows: a sample-ratio mismatch, or arms that do harm."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.evidence import evidence
from rectune_dsl.experiments.information import information_share
from rectune_dsl.experiments.monitors import harm, stop_alpha
from rectune_dsl.experiments.readiness import known_until
from rectune_dsl.experiments.rebase import without
from rectune_dsl.experiments.srm import mismatch
from rectune_dsl.hooks.api import HOLDOUT, ExperimentState, Observation


def unequal(task: Task, state: ExperimentState, observation: Observation) -> str:
    """A sentence about a sample-ratio mismatch among the arms that are not stopped; empty without one. The
    experiment's daily looks share one false alarm rate, those that a late ramp adds among them."""
    planned = state.spec.lasts + task.matures_after_days
    looks = max(planned, state.looks + 1)
    return mismatch(observation, leave_out=(HOLDOUT, *state.stopped), looks=looks) or ""


def harmful(
    task: Task, state: ExperimentState, observation: Observation, leave_out: Collection[str] = ()
) -> dict[str, str]:
    """Arms shown to do harm, each with a sentence; none of those that are stopped or left out. Bounds hold at
    every look, so looking daily costs nothing."""
    if observation.as_of <= state.spec.start:
        return {}
    known = evidence(without(observation, (HOLDOUT, *state.stopped, *leave_out)), task.judged)
    fraction = information_share(state, observation.as_of)
    return harm(known, _watched(task, observation), alpha=stop_alpha(task), fraction=fraction)


def _watched(task: Task, observation: Observation) -> Mapping[str, Limit]:
    """Guardrails that can be watched. A level of which the last days have not arrived is too low; a lift is
    one of the days that have."""
    return {
        name: limit
        for name, limit in task.guarded.items()
        if limit.relative or known_until(name, task.judged[name], observation) >= observation.as_of
    }
