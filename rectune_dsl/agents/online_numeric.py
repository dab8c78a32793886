"""The Online agent: a fixed horizon, whole-day looks, and stops for what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from rectune_dsl.agents.describing import described
from rectune_dsl.experiments.looks import harmful, unequal
from rectune_dsl.experiments.readiness import stale
from rectune_dsl.experiments.turnout import unserved
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Action,
    AgentContext,
    Arm,
    AskedFor,
    ChangeDescription,
    Config,
    ExperimentSpec,
    ExperimentState,
    Finish,
    Freeze,
    Launch,
    Observation,
    Proposal,
    SetExposure,
    StopArm,
    UsageError,
    Wait,
)

PATIENCE = 14
"""Days beyond the horizon for which a metric that is stale is waited for, well within the looks that the
workflow allows beyond one per day."""
_DAY = timedelta(days=1)


class NumericOnline:
    """Designs what the task's traffic allows, and decides at each look from the observation alone."""

    name = "numeric"

    def design(self, context: AgentContext, launch: Launch) -> ExperimentSpec:
        """All traffic that `[experiment]`, or `[confirm]`, gives. Raises UsageError without arms."""
        task = context.task
        purpose: Literal["explore", "confirm"] = "confirm" if launch.purpose == "confirm" else "explore"
        planned = task.planned(purpose)
        arms = tuple(arm for arm in launch.arms if arm.name != CONTROL)
        if not any(arm.name != HOLDOUT for arm in arms):
            raise UsageError("there is no arm to test", help="let the Critic take at least one proposal")
        return ExperimentSpec(
            key=launch.key,
            purpose=purpose,
            surface=task.task.surface,
            arms=(Arm(CONTROL, Config(task.production)), *arms),
            users_per_arm=planned.users_per_arm,
            days=planned.days,
            start=launch.start,
            salt=launch.salt,
            fresh_of=launch.fresh_of,
            holdout_share=task.holdout.share if task.holdout else 0.0,
            slot=launch.slot,
            ramp=launch.ramp,
            unit=task.experiment.unit,
            caps=launch.caps,
        )

    def step(
        self, context: AgentContext, state: ExperimentState, observation: Observation
    ) -> Sequence[Action]:
        """Freeze at a sample-ratio mismatch, or where nobody came; stop shown harm; finish at the horizon or
        when no arm is left; otherwise serve more users if the ramp has it so, and look again at the next
        whole day. A metric that is stale at the horizon is waited for, PATIENCE days at most: nobody is
        served meanwhile."""
        task, spec = context.task, state.spec
        if wrong := unserved(task, state, observation) or unequal(task, state, observation):
            return [Freeze(wrong)]
        stops = [StopArm(arm, why) for arm, why in harmful(task, state, observation).items()]
        gone = {*state.stopped, *(stop.arm for stop in stops)}
        if all(arm.name in gone for arm in spec.arms if arm.name not in (CONTROL, HOLDOUT)):
            return [*stops, Finish("Every arm was stopped for shown harm.")]
        served, maturing = state.ends(observation.as_of), task.matures_after_days * _DAY
        end = served + maturing
        if observation.as_of >= end:
            late = stale(task.judged, served, observation)
            if late and observation.as_of < end + PATIENCE * _DAY:
                return [*stops, Wait(observation.as_of + _DAY, _late(late, "It is waited for."))]
            return [*stops, Finish(_finished(context, spec, served, observation, late))]
        wait = _wait(state, observation.as_of, served, end)
        return [*stops, *_rises(state, observation.as_of), wait]

    def describe(
        self, context: AgentContext, asked_for: AskedFor, proposals: Sequence[Proposal]
    ) -> ChangeDescription:
        """From what was registered of the arms, and their risk."""
        return described(context, asked_for, proposals, self.name)


def _rises(state: ExperimentState, as_of: datetime) -> list[SetExposure]:
    """One step up the ramp, when it is time. Whoever is shown to do harm is stopped at the same look."""
    served, more = state.now.fraction, state.most(as_of)
    if more <= served:
        return []
    return [SetExposure(more, f"Nothing more is shown to do harm with {served:.3g} of the users served.")]


def _finished(
    context: AgentContext,
    spec: ExperimentSpec,
    served: datetime,
    observation: Observation,
    late: Mapping[str, str],
) -> str:
    maturing = context.task.matures_after_days
    waited = f", and {maturing} more for its metrics to mature" if maturing else ""
    ran = f"The experiment ran its {_days(spec, served)} days{waited}."
    days = (observation.as_of - served) // _DAY - maturing
    return f"{ran} {_late(late, f'It was waited for, {days} days longer.')}" if late else ran


def _late(late: Mapping[str, str], then: str) -> str:
    """Which metrics are stale, and what of it."""
    return f"{'; '.join(f'{metric} {why}' for metric, why in late.items())}. {then}"


def _days(spec: ExperimentSpec, served: datetime) -> int:
    """Days on which it serves users, the last one counted in full."""
    return -((spec.start - served) // _DAY)


def _wait(state: ExperimentState, as_of: datetime, served: datetime, end: datetime) -> Wait:
    """Until what is served now has been served for one more whole day."""
    spec, since = state.spec, state.unchanged_since
    passed = (as_of - since) // _DAY
    until = min(since + (max(passed, 0) + 1) * _DAY, end)
    day = (until - spec.start) // _DAY
    days = _days(spec, served)
    if day > days:
        return Wait(until, f"Nothing is shown to do harm; all {days} days ran, metrics are maturing.")
    return Wait(until, f"Nothing more is shown to do harm; the next look is after day {day} of {days}.")
