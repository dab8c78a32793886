"""The chance that a surface creeps past a margin by ships that each keep it.

Every recommended config costs half the margin more than the production of its day, and its U is beyond doubt.
Twenty campaigns long, whatever ships becomes production. The holdout is served the first production; its
users are the same all along, so that what they are by chance returns in every campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import CONTROL, HOLDOUT
from study.figures import Figure, Share
from study.tasks import ALPHA, CONFIRM_USERS, STAR, TREATED, confirmation, moments, task
from study.users import Array, Normal, Sums, correlated
from study.work import Chunk, Plan

SEQUENCES, QUICK_SEQUENCES, CHUNK = 1_000, 60, 20
"""Per seed, with a holdout and without."""
CAMPAIGNS = 20
MARGIN = 0.03
STEP = MARGIN / 2
"""What each ship costs, in units of the first production's level."""
AT_MARGIN, BEYOND = 2, 3
"""Ships after which production is exactly at its margin below the holdout, and beyond it."""
HOLDOUT_USERS = 60_000
SAME_USERS = 0.5
"""The correlation of a user's values in two campaigns."""
GAIN = 0.2

_TASK = task({"watch": STAR}, {"return": f">= {-100 * MARGIN:g}%"})
_COLUMNS = ("watch", "return")
_MEAN, _COVARIANCE = np.ones(2), correlated(np.array([1.5, 1.0]), 0.3)


@dataclass(frozen=True, eq=False)
class Users:
    """Those of all campaigns of some surfaces, as under the first production: (surfaces, campaigns)."""

    control: Sums
    treated: Sums
    holdout: Sums


def figures(plan: Plan) -> list[Figure]:
    chunks = plan.chunks(SEQUENCES, QUICK_SEQUENCES, CHUNK)
    held = plan.cases(partial(ships, with_holdout=True), chunks)
    alone = plan.cases(partial(ships, with_holdout=False), chunks)
    spent = 100 * STEP * float(np.mean(alone))
    name = f"production creeps in {CAMPAIGNS} campaigns"
    return [
        share(held, AT_MARGIN).at_most(f"{name}: to its margin or past it, with a holdout", ALPHA),
        share(held, BEYOND).at_most(f"{name}: past its margin, with a holdout", ALPHA),
        share(held, 1).shown(f"{name}: ships at least once, with a holdout"),
        share(alone, BEYOND).shown(f"{name}: past its margin, without a holdout"),
        Figure(f"{name}: mean loss without a holdout", round(spent, 2), "%", "none", True),
    ]


def ships(chunk: Chunk, *, with_holdout: bool) -> list[int]:
    """Per surface, how many configs ship."""
    users = _users(chunk)
    return [_ships(users, surface, with_holdout) for surface in range(chunk.count)]


def share(ships: Sequence[int], least: int) -> Share:
    """Of surfaces on which at least so many ship."""
    return Share(sum(count >= least for count in ships), len(ships))


def _ships(users: Users, surface: int, with_holdout: bool) -> int:
    """As in a campaign, the holdout is an arm once something has shipped."""
    shipped = 0
    for campaign in range(CAMPAIGNS):
        at = surface, campaign
        arms = [
            users.control.at(*at).moved(_effect(shipped, 0.0)).arm(CONTROL),
            users.treated.at(*at).moved(_effect(shipped + 1, GAIN)).arm(TREATED),
        ]
        if with_holdout and shipped:
            arms.append(users.holdout.arm(HOLDOUT, *at))
        spec = confirmation(*(arm.arm for arm in arms))
        found = verdict(_TASK, moments(_COLUMNS, *arms), spec=spec, confirmation=campaign + 1)
        shipped += found.decision == "ship"
    return shipped


def _effect(ships: int, gain: float) -> Array:
    return np.array([gain, -STEP * ships])


def _users(chunk: Chunk) -> Users:
    rng, fresh = chunk.generator("creep"), Normal(_MEAN, _COVARIANCE)
    shape = (chunk.count, CAMPAIGNS)
    return Users(
        fresh.draw(rng, CONFIRM_USERS, shape),
        fresh.draw(rng, CONFIRM_USERS, shape),
        _same_users(rng, chunk.count),
    )


def _same_users(rng: np.random.Generator, surfaces: int) -> Sums:
    """Holdout users have columns for every campaign."""
    over_time = correlated(np.ones(CAMPAIGNS), SAME_USERS)
    joint = np.kron(over_time, _COVARIANCE).astype(np.float64)
    everything = Normal(np.tile(_MEAN, CAMPAIGNS), joint)
    drawn, width = everything.draw(rng, HOLDOUT_USERS, (surfaces,)), len(_COLUMNS)
    blocks = [slice(width * r, width * (r + 1)) for r in range(CAMPAIGNS)]
    return Sums(
        HOLDOUT_USERS,
        np.stack([drawn.sums[:, block] for block in blocks], axis=1),
        np.stack([drawn.products[:, block, block] for block in blocks], axis=1),
    )
