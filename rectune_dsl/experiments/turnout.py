"""Whether anybody is in an experiment, and about as many as were planned."""

from __future__ import annotations

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.readiness import known_until
from rectune_dsl.experiments.srm import assigned
from rectune_dsl.hooks.api import CONTROL, HOLDOUT, ExperimentSpec, ExperimentState, Observation
from rectune_dsl.hooks.serving import DAY

SURE = 100
"""Units served from which on somebody has to come on a whole day."""
LATEST = 7
"""Days after which nobody is nobody, although the platform cannot tell whether all of them have arrived."""
FEW, MANY = 0.5, 2.0
"""Control's units, as a share of those planned, outside of which something is said."""


def unserved(task: Task, state: ExperimentState, observation: Observation) -> str:
    """A sentence about an experiment that nobody is in, where what is served was served for a whole day and
    the data of that day have arrived; empty where somebody is, or it cannot be told."""
    spec, as_of = state.spec, observation.as_of
    everyone = {arm: n for arm, n in assigned(observation).items() if arm != HOLDOUT}
    if not everyone or any(everyone.values()) or spec.users * state.now.fraction < SURE:
        return ""
    since = state.unchanged_since
    arrived = max(known_until(name, metric, observation) for name, metric in task.judged.items())
    if as_of < since + DAY or (arrived < since + DAY and as_of < since + LATEST * DAY):
        return ""
    days = (as_of - since) // DAY
    return (
        f"Nobody is in the experiment after {days} day{'' if days == 1 else 's'} of serving, where "
        f"{spec.users:,} {spec.unit}s were planned: it is not served, or not to this population, or its "
        "exposures are logged under another key. Nothing can be concluded."
    )


def unplanned(spec: ExperimentSpec, observation: Observation, is_over: bool) -> str:
    """A sentence where control has far from the units that were planned; empty where it has about as many, or
    it is not told. That they are few can be said only when it `is_over`."""
    everyone = assigned(observation)
    if CONTROL not in everyone or observation.as_of < spec.start + DAY:
        return ""
    found, planned = everyone[CONTROL], spec.users_per_arm
    if found and not (found > MANY * planned or (is_over and found < FEW * planned)):
        return ""
    days = (observation.as_of - spec.start) // DAY
    return (
        f"control has {found:,} {spec.unit}s after {days} day{'' if days == 1 else 's'}, and "
        f"{planned:,} were planned: check who is served, by which key, and the stated population"
    )
