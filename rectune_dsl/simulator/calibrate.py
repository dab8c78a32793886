"""Fit a world to measured rates: intercepts to random exposure, sensitivities to what a policy adds.

A fixed-point search: measure the world under both exposures, move each number by what its own target asks
for, and again. Log-odds move by their distance from the target's (Newton's step for a logistic rate); how
strongly a response follows attraction and satisfaction, by the ratio of the shifts between the exposures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from rectune_dsl.simulator.measures import Exposures, Measured, exposures
from rectune_dsl.simulator.tables.catalogue import Items
from rectune_dsl.simulator.tables.responses import Amount, Response
from rectune_dsl.simulator.tables.users import Population
from rectune_dsl.simulator.targets import EXPOSURE, Target
from rectune_dsl.simulator.world import Sizes
from rectune_dsl.simulator.worldfile import WorldFile

ROUNDS = 16
USERS = 4_000
_DAMPING = 0.8
_FIRST_WEIGHT = 0.2
"""Sensitivity that a response gets whose shift goes the wrong way."""
_MOST_ODDS = 1e3
"""Of coming: rates that no habits lead to shall not end in a chance of 0 or 1."""
_DEEPEST = 200.0
_MOST_LEVEL = 10.0
"""What a measure is at most taken to lack, as a factor."""
_LEAST_APART = 0.01
"""Log-ratio of the ninth decile and the median that users who do not differ are taken to have."""


def calibrated(
    file: WorldFile, sizes: Sizes, seed: int, rounds: int = ROUNDS, users: int = USERS
) -> WorldFile:
    """The world, fitted to its own targets. The same for the same seed."""
    for moved in calibrating(file, sizes, seed, rounds, users):
        file = moved
    return file


def calibrating(
    file: WorldFile, sizes: Sizes, seed: int, rounds: int = ROUNDS, users: int = USERS
) -> Iterator[WorldFile]:
    """The world after each round of fitting it to its own targets."""
    for _ in range(rounds):
        file = _moved(file, exposures(file, sizes, seed, users))
        yield file


def _moved(file: WorldFile, found: Exposures) -> WorldFile:
    wanted = _wanted(file)
    responses = {name: _response(file, name, wanted, found) for name in file.responses}
    amounts = {name: _amount(file, name, wanted, found) for name in file.amounts}
    first = responses[file.first]
    responses[file.first] = first.model_copy(update={"proneness": _proneness(first, wanted, found)})
    changes = {
        "responses": responses,
        "amounts": amounts,
        "users": _users(file.users, wanted, found),
        "items": _items(file.items, wanted, found),
        "habits": file.habits.model_copy(update={"content": found.standard.satisfaction}),
    }
    return file.model_copy(update=changes)


# --- what is asked for -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """A measure under both exposures; None where nothing is asked for."""

    random: float | None = None
    standard: float | None = None


def _wanted(file: WorldFile) -> Mapping[str, Wanted]:
    """Main targets per exposure, by what they are of."""
    rows: dict[str, list[Target]] = {}
    for target in file.targets.values():
        if target.main and target.per == EXPOSURE:
            rows.setdefault(target.of, []).append(target)
    return {of: _agreed(targets) for of, targets in rows.items()}


def _agreed(targets: list[Target]) -> Wanted:
    """What several measurements of the same ask for: their harmonic means, of the ratios too, since the
    relative errors of two are then as far below as above."""
    random = _mean(t.random for t in targets)
    ratio = _mean(t.standard / t.random for t in targets if t.random and t.standard)
    if random is None or ratio is None:
        return Wanted(random, _mean(t.standard for t in targets))
    return Wanted(random, random * ratio)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [1 / value for value in values if value is not None]
    return float(1 / np.mean(known)) if known else None


def _asked(name: str, wanted: Mapping[str, Wanted], found: Exposures) -> Iterator[tuple[float, Measured]]:
    """What is asked for, and what was measured there, under each exposure where something is."""
    asked = wanted.get(name, Wanted())
    for value, measured in ((asked.random, found.random), (asked.standard, found.standard)):
        if value is not None:
            yield value, measured


# --- responses -------------------------------------------------------------------------------------


def _response(file: WorldFile, name: str, wanted: Mapping[str, Wanted], found: Exposures) -> Response:
    response = file.responses[name]
    ends = [
        _log_odds(file, name, wanted, measured, kind)
        for kind, measured in (("random", found.random), ("standard", found.standard))
    ]
    (asked, is_now), (asked_standard, standard) = ends
    changes = {}
    if asked is not None:
        changes["intercept"] = response.intercept + _DAMPING * (asked - is_now)
    elif asked_standard is not None:
        changes["intercept"] = response.intercept + _DAMPING * (asked_standard - standard)
    if asked is not None and asked_standard is not None:
        changes |= _sensitivity(response, asked_standard - asked, standard - is_now)
    return response.model_copy(update=changes)


def _log_odds(
    file: WorldFile, name: str, wanted: Mapping[str, Wanted], measured: Measured, kind: str
) -> tuple[float | None, float]:
    """Log-odds of a response given what it needs: asked for, and measured."""
    given = file.responses[name].given
    below = measured.rate(given)
    now = measured.rate(name) / below
    asked = getattr(wanted[name], kind) if name in wanted else None
    if asked is None:
        return None, _logit(now)
    if given in wanted and getattr(wanted[given], kind) is not None:
        below = getattr(wanted[given], kind)
    return _logit(min(asked / below, 0.99)), _logit(now)


def _sensitivity(response: Response, asked: float, now: float) -> dict[str, float]:
    """Attraction and satisfaction, so that the shift between the exposures becomes the one asked for."""
    weights = {"attraction": response.attraction, "satisfaction": response.satisfaction}
    if asked * now > 0 and abs(now) > 0.05:
        factor = float(np.clip(asked / now, 0.6, 1.6)) ** _DAMPING
        return {name: weight * factor for name, weight in weights.items()}
    heavier = max(weights, key=lambda name: abs(weights[name]))
    return {heavier: weights[heavier] + _FIRST_WEIGHT * float(np.sign(asked - now))}


def _logit(p: float) -> float:
    p = float(np.clip(p, 1e-7, 1 - 1e-7))
    return float(np.log(p / (1 - p)))


# --- all else --------------------------------------------------------------------------------------


def _amount(file: WorldFile, name: str, wanted: Mapping[str, Wanted], found: Exposures) -> Amount:
    """What comes of responses, so that both means are met: two factors, for what does not depend on the size
    and for what does."""
    amount, usual = file.amounts[name], found.standard.rate(name)
    changes: dict[str, Any] = {"usual": usual} if usual > 0 else {}
    asked = list(_asked(name, wanted, found))
    if asked:
        parts = [_parts(amount, measured, name) for _, measured in asked]
        factors = _solved(np.array(parts), np.array([value for value, _ in asked]))
        each, share = (1 + _DAMPING * (np.clip(factors, 0.5, 2.0) - 1)).tolist()
        changes["each"] = {response: value * each for response, value in amount.each.items()}
        changes["share"] = {response: value * share for response, value in amount.share.items()}
    return amount.model_copy(update=changes)


def _solved(parts: Any, asked: Any) -> Any:
    """The factors of the two parts that give what is asked for; one for both where no pair above 0 does, and
    none where the parts are worth nothing."""
    if len(asked) == 2 and abs(np.linalg.det(parts)) > 1e-12:
        factors = np.linalg.solve(parts, asked)
        if (factors > 0).all():
            return factors
    brought = parts.sum(axis=1)
    return np.full(2, float(np.exp(np.mean(np.log(asked / brought)))) if (brought > 0).all() else 1.0)


def _parts(amount: Amount, measured: Measured, name: str) -> list[float]:
    each = sum(value * measured.rate(response) for response, value in amount.each.items())
    return [each, measured.rate(name) - each]


def _proneness(first: Response, wanted: Mapping[str, Wanted], found: Exposures) -> float:
    return first.proneness * _spread("user_ctr", wanted, found)


def _users(users: Population, wanted: Mapping[str, Wanted], found: Exposures) -> Population:
    """How often people come and how deep they look, by the median; how they differ, by the ninth decile."""
    level = _level("looks_p50", wanted, found)
    spread = _spread("looks", wanted, found)
    odds = np.clip(users.daily / (1 - users.daily) * level, 1 / _MOST_ODDS, _MOST_ODDS)
    return users.model_copy(
        update={
            "daily": float(odds / (1 + odds)),
            "depth": min(_DEEPEST, 1 + (users.depth - 1) * level**0.5),
            "daily_spread": users.daily_spread * spread,
            "depth_spread": users.depth_spread * spread,
        }
    )


def _level(name: str, wanted: Mapping[str, Wanted], found: Exposures) -> float:
    """The factor that brings a measure to what is asked for."""
    for asked, measured in _asked(name, wanted, found):
        now = max(measured.others()[name], asked / _MOST_LEVEL)
        return float((asked / now) ** _DAMPING)
    return 1.0


def _spread(name: str, wanted: Mapping[str, Wanted], found: Exposures) -> float:
    """The factor of a spread that brings the ninth decile over the median to what is asked for; none where
    half of the users have nothing, so that the two say nothing about it."""
    deciles = (list(_asked(f"{name}_{q}", wanted, found)) for q in ("p50", "p90"))
    for (middle, measured), (ninth, _) in zip(*deciles, strict=False):
        low, high = (measured.others()[f"{name}_{q}"] for q in ("p50", "p90"))
        if low <= 0:
            return 1.0
        apart = max(float(np.log(high / low)), _LEAST_APART)
        return float(np.clip(np.log(ninth / middle) / apart, 0.6, 1.6) ** _DAMPING)
    return 1.0


def _items(items: Items, wanted: Mapping[str, Wanted], found: Exposures) -> Items:
    """The catalogue: sizes and topics as asked for, and hits that get the share asked for."""
    changes: dict[str, Any] = {}
    if share := wanted.get("top_1pct_share", Wanted()).standard:  # at random no item has more than others
        now = found.standard.others()["top_1pct_share"]
        changes["hit"] = max(0.0, items.hit + _DAMPING * float(np.log(share / now)))
    for asked, _ in _asked("topics_effective", wanted, found):
        changes["topic_skew"] = _skew(items.topics, asked)
    sizes = {
        key: asked
        for key, of in (("median", "size_p50"), ("p90", "size_p90"))
        for asked, _ in _asked(of, wanted, found)
    }
    return items.model_copy(update={**changes, "size": items.size.model_copy(update=sizes)})


def _skew(topics: int, asked: float) -> float:
    """The skew at which so many topics are so many effective ones."""

    def missing(skew: float) -> float:
        shares = np.arange(1.0, topics + 1) ** -skew
        return float(shares.sum() ** 2 / (shares**2).sum() - asked)

    if not 1.05 < asked < topics:
        return 0.0 if asked >= topics else 5.0
    return float(brentq(missing, 0.0, 20.0))
