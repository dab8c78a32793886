"""Whether confirmations ship as often as the plan says they will.

Each is planned from production's moments. At the users that the plan asks for, and at fewer, verdicts on
simulated users are counted beside the promised chance.
"""

from __future__ import annotations

import math
from functools import partial

from rectune_dsl.experiments.designs import Design, design
from rectune_dsl.experiments.power import chance_to_ship, minimum_detectable_lift, users_needed
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import CONTROL, HOLDOUT
from study.figures import Figure, Share, total
from study.planned import Planned, detecting, shipping
from study.tasks import TREATED, confirmation, moments
from study.users import Sums
from study.work import Chunk, Plan

EXPERIMENTS, QUICK_EXPERIMENTS, CHUNK = 2_500, 200, 100
"""Per seed and setting."""
SLACK = 0.03
FEWER = 0.6
"""Of the users that the plan asks for."""
DETECTING_USERS = 50_000
BASELINE_USERS = 1_000_000


def figures(plan: Plan) -> list[Figure]:
    chunks = plan.chunks(EXPERIMENTS, QUICK_EXPERIMENTS, CHUNK)
    found = []
    for setting in shipping():
        needed = users_asked_for(setting)
        for name, users in (("at the users asked for", needed), ("at 60 % of them", round(FEWER * needed))):
            shipped = total(plan.map(partial(ships, setting, users), chunks))
            promised = chance(setting, users)
            found.append(shipped.near(f"ships as planned {name}: {setting.name}", promised, SLACK))
    for make in detecting():
        setting = make(_detectable(make(0.0)))
        shown = total(plan.map(partial(ships, setting, DETECTING_USERS), chunks))
        name = f"the minimum detectable lift is shown: {setting.name}"
        found.append(shown.near(name, setting.task.experiment.power, SLACK))
    return found


def users_asked_for(setting: Planned) -> int:
    """Users per arm with which the plan promises the task's power."""
    planned = _design(setting, BASELINE_USERS)
    needed = users_needed(setting.task, planned, setting.lifts, confirmation=setting.confirmation)
    assert needed is not None
    return math.ceil(needed)


def chance(setting: Planned, users: int) -> float:
    """What the plan promises for so many users per arm."""
    return chance_to_ship(
        setting.task, _design(setting, users), setting.lifts, confirmation=setting.confirmation
    )


def ships(setting: Planned, users: int, chunk: Chunk) -> Share:
    """Of so many confirmations, those that ship."""
    rng, shape = chunk.generator("promises", setting.name, str(users)), (chunk.count,)
    arms = {
        CONTROL: setting.production.draw(rng, users, shape),
        TREATED: setting.treated.draw(rng, users, shape),
    }
    if setting.holdout:
        arms[HOLDOUT] = setting.production.draw(rng, setting.holdout_users(users), shape)
    return Share(sum(_ships(setting, arms, i) for i in range(chunk.count)), chunk.count)


def _ships(setting: Planned, arms: dict[str, Sums], at: int) -> bool:
    seen = moments(setting.columns, *(sums.arm(name, at) for name, sums in arms.items()))
    found = verdict(setting.task, seen, spec=confirmation(*arms), confirmation=setting.confirmation)
    return found.decision == "ship"


def _design(setting: Planned, users: int) -> Design:
    baseline = moments(setting.columns, setting.production.expected(BASELINE_USERS).arm(CONTROL))
    holdout = setting.holdout_users(users) if setting.holdout else None
    return design(baseline, setting.task, users, holdout_users=holdout)


def _detectable(setting: Planned) -> float:
    found = minimum_detectable_lift(setting.task, _design(setting, DETECTING_USERS))
    assert found is not None
    return found
