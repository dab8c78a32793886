"""From what a flag stands for to what flagd evaluates: variants, and targeting in JsonLogic.

Who takes part in an experiment and in which arm are two independent hashes of the user, the gate and the
split. A ramp moves the gate's threshold and nothing else, so users come in and nobody changes arms. All who
take part in the experiment when it serves everybody lie below the same gate's full share: that is how later
experiments leave them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rectune_dsl.hooks.api import HOLDOUT, Arm, ExperimentSpec, Slot
from rectune_flagd.state import State, Trial

PRODUCTION = "production"
"""The variant of everybody who is in no experiment."""
HELD = "holdout"
"""The variant of the holdout, between the experiments that it takes part in."""
CLOCK = "$flagd.timestamp"
"""The attribute in which flagd has the clock's time, in seconds since 1970."""
BUCKETS = 1_000_000
"""Weights of a `fractional` add up to this many: a share is right to half of a millionth."""

Rule = dict[str, Any]
Condition = Rule | bool
_IN, _OUT = "in", "out"


def definition(state: State, surface: str, user: str, time: str) -> Rule:
    """The flag's variants, default and targeting. `user` and `time` are the attributes of the evaluation's
    context that hold the user's id, and the time in seconds since 1970, which is the clock's where there is
    none."""
    variants = {PRODUCTION: _value(None, None, state.production)}
    otherwise: Any = None  # which is the default variant
    if (holdout := state.holdout) is not None:
        variants[HELD] = _value(None, None, holdout.values)
        otherwise = _if(_below(_holdout_salt(surface), holdout.share, user), HELD, None)
    for key, trial in reversed(state.served.items()):
        assert trial.spec is not None
        variants |= {
            variant(key, arm.name): _value(key, arm.name, _served(state, arm))
            for arm in trial.spec.arms
            if arm.name not in trial.silent
        }
        otherwise = _with_trial(key, trial, surface, user, time, otherwise)
    targeting = _if({"!!": [{"var": user}]}, otherwise, None) if otherwise is not None else {}
    return {"variants": variants, "defaultVariant": PRODUCTION, "targeting": targeting}


def variant(key: str, arm: str) -> str:
    return f"{key}/{arm}"


def gate_of(salt: str) -> str:
    """What is hashed with a user's id to tell who takes part."""
    return f"{salt}/gate/"


def split_of(salt: str) -> str:
    """What is hashed with a user's id to tell the arm."""
    return f"{salt}/split/"


def share_of_holdout(spec: ExperimentSpec, population: int) -> float:
    """The share of the holdout that serves as the arm `holdout`: as many users as any arm has."""
    held = population * spec.holdout_share * (spec.slot.share if spec.slot else 1.0)
    for used in spec.fresh_of:
        held *= 1 - used.share
    return spec.users_per_arm / held if held > 0 else float("inf")


def _value(key: str | None, arm: str | None, values: Mapping[str, float]) -> Rule:
    """What the application gets."""
    return {"experiment": key, "arm": arm, "config": dict(values)}


def _served(state: State, arm: Arm) -> Mapping[str, float]:
    """An arm's config, with the values that its users have otherwise of what others tune."""
    holdout = state.holdout if arm.name == HOLDOUT else None
    return {**(state.production if holdout is None else holdout.values), **arm.config.values}


# --- one experiment ----------------------------------------------------------------------------------


def _with_trial(key: str, trial: Trial, surface: str, user: str, time: str, otherwise: Any) -> Rule:
    """What a trial's users are served, and `otherwise` the others."""
    spec = trial.spec
    assert spec is not None
    exposure = spec.exposure(trial.population)
    takes_part: list[Condition] = [*_days(spec.start, trial.until, time), *_in_slot(spec.slot, user)]
    takes_part += [_not(_below(gate_of(used.salt), used.share, user)) for used in spec.fresh_of]
    split = _split(key, trial, user)
    gate = _below(gate_of(spec.salt), exposure.share * trial.fraction, user)
    share_held = max(spec.holdout_share, trial.held)
    if share_held <= 0:
        return _if(_all([*takes_part, gate]), split, otherwise)
    held = _below(_holdout_salt(surface), share_held, user)
    served = _if(_all([*takes_part, _not(held), gate]), split, otherwise)
    if all(arm.name != HOLDOUT for arm in spec.arms):
        return served
    share = share_of_holdout(spec, trial.population) * trial.fraction
    gate = _below(gate_of(spec.salt), share, user)
    return _if(_all([*takes_part, held, gate]), variant(key, HOLDOUT), served)


def _split(key: str, trial: Trial, user: str) -> Rule:
    """The arm of a user who takes part. Who was in an arm that is served no more gets production."""
    assert trial.spec is not None
    names = [arm.name for arm in trial.spec.arms if arm.name != HOLDOUT]
    weight = BUCKETS // len(names)
    buckets = [[PRODUCTION if name in trial.silent else variant(key, name), weight] for name in names]
    return _fractional(split_of(trial.spec.salt), user, buckets)


def _days(start: datetime, until: datetime | None, time: str) -> list[Condition]:
    now = _now(time)
    begun = {">=": [now, int(start.timestamp())]}
    return [begun] if until is None else [begun, {"<": [now, int(until.timestamp())]}]


def _now(time: str) -> Rule:
    """The clock's time, unless a service gives another one. One that gives none is not left out by that: a
    rehearsal's setting that was forgotten does no harm where time is real."""
    clock, given = {"var": CLOCK}, {"var": time}
    return clock if time == CLOCK else _if({"!!": [given]}, given, clock)


def _in_slot(slot: Slot | None, user: str) -> list[Condition]:
    """The layer's hash lies in [low, high)."""
    if slot is None:
        return []
    salt = f"layer/{slot.layer}/"
    return [_not(_below(salt, slot.low, user)), _below(salt, slot.high, user)]


def _holdout_salt(surface: str) -> str:
    return f"holdout/{surface}/"


# --- JsonLogic as flagd has it -----------------------------------------------------------------------


def _below(salt: str, share: float, user: str) -> Condition:
    """Whether a user's hash lies below a share of all hashes."""
    below = min(BUCKETS, max(round(share * BUCKETS), 1 if share > 0 else 0))
    if below in (0, BUCKETS):
        return below > 0
    return {"==": [_fractional(salt, user, [[_IN, below], [_OUT, BUCKETS - below]]), _IN]}


def _fractional(salt: str, user: str, buckets: list[list[Any]]) -> Rule:
    return {"fractional": [{"cat": [salt, {"var": user}]}, *buckets]}


def _if(condition: Condition, then: Any, otherwise: Any) -> Rule:
    """flagd's `if` has three arguments, no more."""
    return {"if": [condition, then, otherwise]}


def _all(conditions: list[Condition]) -> Rule:
    return {"and": conditions}


def _not(condition: Condition) -> Rule:
    return {"!": [condition]}
