"""What a campaign's traffic is, and what it can show. Nothing here launches anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.experiments.contradictions import checked
from rectune_dsl.experiments.designs import Design, design
from rectune_dsl.experiments.power import (
    chance_of_each,
    chance_to_ship,
    users_needed,
    users_per_requirement,
)
from rectune_dsl.experiments.winsor import caps
from rectune_dsl.hooks.api import (
    ABBackend,
    BackendError,
    BaselineBackend,
    Capabilities,
    Estimates,
    OracleBackend,
    Support,
    UsageError,
)
from rectune_dsl.workflow.schedule import days_of_experiments
from rectune_dsl.workflow.slots import slot_of

GAINS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""True gains of every goal at which a plan states the chance to ship."""
LARGE = 0.05
"""A gain that few changes of a ranking formula exceed: a plan that cannot show it has too little traffic."""
LATER = (0, 1, 4, 9)
"""Confirmations from the next one on, of which a plan states the chance to ship a large gain."""
PLENTY = 10.0
"""A gain so large that only the guardrails can keep a config from shipping."""


@dataclass(frozen=True)
class Traffic:
    """Users and days. `share` is of the backend's users, None where their number is not known; `eligible` are
    those who may take part, `fresh` those left for the confirmation that no round has touched."""

    per_round: int
    rounds: int
    confirm: int
    days: int
    share: float | None
    confirm_share: float | None
    fresh: float | None
    eligible: float | None


@dataclass(frozen=True)
class Power:
    """What the traffic can show. `explore` is one round's comparison of an arm with control, `confirm` the
    last one's. `chances` are (true gain of every goal, chance to ship), guardrails unchanged. `ceiling` is
    the chance with a gain beyond doubt; `large` the chance with a large one. `needed` are the users per arm
    with which the first of them that falls short reaches the task's power; None where no traffic suffices.

    Of each requirement with a large gain: `alone` is the chance to show it, `needed_each` the users per arm
    with which each has power 1 - beta / (G + 1). `later` are (number of a confirmation, chance with a large
    gain).
    `support`: how well logged data support production and a config near it, where those are asked."""

    explore: Design
    confirm: Design
    confirmation: int
    chances: tuple[tuple[float, float], ...]
    ceiling: float
    large: float
    needed: float | None
    alone: Mapping[str, float]
    needed_each: Mapping[str, float | None]
    later: tuple[tuple[int, float], ...]
    support: Mapping[str, Support] = field(default_factory=dict)


def traffic(task: Task, capabilities: Capabilities) -> Traffic:
    """The users and days of a whole campaign, approvals and early stops apart."""
    rounds, arms = task.experiment.rounds, task.experiment.arms + 1
    per_round, confirm = arms * task.experiment.users_per_arm, 2 * task.confirm.users_per_arm
    days = sum(days_of_experiments(task))
    population = capabilities.population
    if not population:
        return Traffic(per_round, rounds, confirm, days, None, None, None, None)
    holdout = task.holdout.share if task.holdout else 0.0
    eligible = _slot_share(task) * population * (1 - holdout)
    fresh = eligible * max(1 - per_round / eligible, 0.0) ** rounds
    share, confirm_share = per_round / population, confirm / population
    return Traffic(per_round, rounds, confirm, days, share, confirm_share, fresh, eligible)


def power(task: Task, backend: ABBackend, confirmation: int = 1) -> Power | None:
    """What the traffic can show, from production's own variation; None where the backend cannot tell it."""
    if not isinstance(backend, BaselineBackend):
        return None
    baseline = checked(backend.baseline(task.experiment.days))
    explore = design(baseline, task, task.experiment.users_per_arm)
    confirm = design(
        checked(backend.baseline(task.confirm.days)),
        task,
        task.confirm.users_per_arm,
        holdout_users=holdout_users(task, backend.capabilities()),
    )

    def chance(gain: float, number: int = confirmation) -> float:
        return chance_to_ship(task, confirm, gained(task, gain), confirmation=number)

    ceiling, large = chance(PLENTY), chance(LARGE)
    lacking = PLENTY if ceiling < task.experiment.power else LARGE
    return Power(
        explore,
        confirm,
        confirmation,
        tuple((gain, chance(gain)) for gain in GAINS),
        ceiling,
        large,
        users_needed(task, confirm, gained(task, lacking), confirmation=confirmation),
        chance_of_each(task, confirm, gained(task, LARGE), confirmation=confirmation),
        users_per_requirement(task, confirm, gained(task, LARGE), confirmation=confirmation),
        tuple((number, chance(LARGE, number)) for number in (confirmation + more for more in LATER)),
        baseline.support if isinstance(baseline, Estimates) else {},
    )


def caps_of(task: Task, backend: ABBackend, days: int) -> dict[str, float]:
    """The caps of an experiment of so many days, from production's users: those of winsorised metrics.

    Raises BackendError where the backend does not know how production's users differ.
    """
    if not task.winsorized:
        return {}
    if not isinstance(backend, BaselineBackend):
        raise BackendError(
            "the backend says that it winsorises, and has no baseline to take caps from",
            help="this is a fault of the backend: report it to its author",
        )
    return caps(task.winsorized, checked(backend.baseline(days)))


def gained(task: Task, gain: float) -> dict[str, float]:
    """The north stars' lifts where each has become better by so much; those that are guarded stay. Whatever
    the scale of weights, that is the same change for users."""
    stars = {n: m for n, m in task.north_stars.items() if n not in task.guarded} or task.north_stars
    return {name: metric.sign * gain for name, metric in stars.items()}


def _slot_share(task: Task) -> float:
    """The share of all users that the task may have."""
    slot = slot_of(task)
    return slot.share if slot else 1.0


def holdout_users(task: Task, capabilities: Capabilities) -> float | None:
    """Users of the holdout that a confirmation is also compared with; None without one."""
    if task.holdout is None or not capabilities.population:
        return None
    held = task.holdout.share * capabilities.population * _slot_share(task)
    return min(held, float(task.confirm.users_per_arm))


def shipping_chance(task: Task, found: Power | None, lifts: Mapping[str, float]) -> float | None:
    """The chance to ship if these are the true lifts (and levels, as `=NAME`); None without power to plan.

    Raises UsageError for a metric that the task does not judge.
    """
    for name in lifts:
        if name.removeprefix("=") not in task.judged:
            raise UsageError(f"the task judges no metric `{name}`", help=did_you_mean(name, task.judged))
    if found is None:
        return None
    return chance_to_ship(task, found.confirm, lifts, confirmation=found.confirmation)


def oracle_lifts(backend: ABBackend) -> dict[str, float]:
    """The true lifts at the best config there is. Raises UsageError unless the backend knows the truth."""
    if not isinstance(backend, OracleBackend):
        raise UsageError("this backend does not know the truth", help="use --assume METRIC=LIFT instead")
    best = backend.oracle_config()
    return {name: values[0] for name, values in backend.oracle_lifts([best]).items()}
