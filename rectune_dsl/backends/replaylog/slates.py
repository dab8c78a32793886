"""Slates: rows that were shown together, and what a model of users makes of them.

A click model says what the outcome at a position depends on, and so which propensity a row's choice is
compared with (Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen, KDD 2018):

- item-position: on the item there only. P(item at the position), row by row.
- position-based: on examination(position) * worth(item). The item's propensity over all positions of the
  slate, each counted by its examination, whichever of them it was logged at.
- standard: on the whole slate. P(slate), the same for all of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog.layout import IMPRESSIONS
from rectune_dsl.backends.replaylog.policy import examined_until
from rectune_dsl.backends.replaylog.segments import USERS
from rectune_dsl.backends.replaylog.tables import Column
from rectune_dsl.dsl.replay import Replay, Slates
from rectune_dsl.hooks.errors import BackendError

if TYPE_CHECKING:
    from rectune_dsl.backends.replaylog.log import Log, PartName

CLICKS = 100
"""Clicks at a position from which on its examination is known to a tenth (one standard error)."""


@dataclass(frozen=True, eq=False)
class Units:
    """What varies independently: `of_row` (rows,) is each row's unit, below `count`."""

    of_row: NDArray[np.int64]
    count: int
    name: str = "impressions"

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums of (rows,) over each unit, (units,)."""
        return np.bincount(self.of_row, values, self.count).astype(np.float64)

    def influence(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The influence function over units of a mean over rows that has `values` (rows,) over rows."""
        return self.total(values) * (self.count / len(values))


def units(log: Log) -> Units:
    """The slates of a log, or its rows where they are not linked."""
    if log.slate is None:
        return Units(np.arange(log.rows), log.rows)
    names, of_row = np.unique(log.slate, return_inverse=True)
    return Units(of_row.reshape(-1), len(names), "slates")


def whole(chosen: NDArray[np.float64], own: Units) -> NDArray[np.float64]:
    """P(slate) under a config whose positions are drawn one by one: the product of its rows', in each row."""
    product = np.ones(own.count)
    np.multiply.at(product, own.of_row, chosen)
    return product[own.of_row]


def examination(replay: Replay, fit: Log) -> NDArray[np.float64] | None:
    """How often each position is looked at, 1 being the first; None where the slate model has no use for it.

    Estimated as E[clicks at k / propensity] / E[clicks at 1 / propensity] over the slates of `fit` that have
    position k, which compares the positions as if each had shown all items alike. Raises BackendError
    where a position has no clicks.
    """
    slates = replay.slates
    if slates is None or slates.model != "position-based":
        return None
    assert fit.position is not None
    if slates.examination is not None:
        return np.array(slates.examination) / slates.examination[0]
    return _estimated(slates, fit, fit.position)


def doubts(replay: Replay, fit: Log) -> Iterator[str]:
    """Why the examination that is estimated from `fit` is too uncertain to be taken as known."""
    slates = replay.slates
    if slates is None or slates.clicks is None:
        return
    assert fit.position is not None
    clicked = fit.position[fit.outcomes[slates.clicks] != 0]
    clicks = np.bincount(clicked, minlength=int(fit.position.max()) + 1)
    place = int(np.argmin(clicks[1:])) + 1
    if clicks[place] < CLICKS:
        yield (
            f"how often position {place} is looked at is estimated from {clicks[place]} {slates.clicks} of "
            f"the fit part, and would be taken as known: {CLICKS} are needed. Write examination = [1.0, ...] "
            "under [replay.slates], let `fit` in [replay.split] be larger, or bring a longer log"
        )


def prepared(
    replay: Replay, logs: Mapping[PartName, Log], examined: NDArray[np.float64] | None
) -> dict[PartName, Log]:
    """The parts with the propensities that the slate model compares choices with. Under the position-based
    model, `position` is the last one of the slate, and an impression counts by its examination, with mean
    1 over the slate.

    Raises BackendError for slates that are longer than what is known of examination.
    """
    if replay.slate_model == "standard":
        return {n: replace(log, propensity=log.shown) for n, log in logs.items() if log.shown is not None}
    if examined is None:
        return dict(logs)
    return {name: _by_examination(log, examined) for name, log in logs.items()}


def require_whole(slate: Column, position: NDArray[np.int64], pool: NDArray[np.int64]) -> None:
    """Raises BackendError unless each slate has each of its positions once, all in one pool."""
    count = len(slate.labels)
    rows, last = np.bincount(slate.values, minlength=count), np.zeros(count, np.int64)
    np.maximum.at(last, slate.values, position)
    width = int(position.max(initial=0)) + 1
    distinct = np.unique(slate.values * width + position) // width
    wrong = (rows != last) | (np.bincount(distinct, minlength=count) != rows)
    if wrong.any():
        raise BackendError(
            f"slate {slate.labels[int(np.argmax(wrong))]!r} does not have each of its positions once",
            help="log every position of a slate, from 1 to its last, clicked or not",
        )
    first = np.full(count, -1, np.int64)
    first[slate.values] = pool
    if np.any(first[slate.values] != pool):
        label = slate.labels[int(slate.values[first[slate.values] != pool][0])]
        raise BackendError(f"slate {label!r} has items of several pools", help="a slate has one pool")


def first_moments(slate: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
    """The earliest time of each row's slate, so that no slate is cut apart."""
    earliest = np.full(int(slate.max(initial=0)) + 1, np.iinfo(np.int64).max, np.int64)
    np.minimum.at(earliest, slate, time)
    return np.asarray(earliest[slate])


def same_in_each(values: NDArray[np.float64], slate: Column) -> NDArray[np.float64]:
    """Propensities of slates, (rows,). Raises BackendError unless they are, and one for each slate."""
    found = np.zeros(len(slate.labels))
    found[slate.values] = values
    wrong = (found[slate.values] != values) | (values <= 0) | (values > 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BackendError(
            f"slate {slate.labels[slate.values[row]]!r} has slate_propensity {values[row]:g}",
            help="log one number in (0, 1] for a slate, the same in all of its rows",
        )
    return values


def at_each_position(
    cells: Column, own: NDArray[np.float64], position: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Parse `0.2;0.1;0.1`: (rows, positions), 0 beyond a cell's end. Raises BackendError for what is no such
    list, or contradicts the propensity that the row has at its own position."""
    parsed = [_numbers(text) for text in cells.labels]
    table = np.zeros((len(parsed), max(map(len, parsed), default=0)))
    for code, values in enumerate(parsed):
        table[code, : len(values)] = values
    given: NDArray[np.float64] = table[cells.values]
    there = position <= given.shape[1]
    at_own = np.where(there, given[np.arange(len(given)), np.where(there, position, 1) - 1], 0.0)
    if not np.allclose(at_own, own, rtol=1e-6, atol=0):
        row = int(np.argmax(~np.isclose(at_own, own, rtol=1e-6, atol=0)))
        raise BackendError(
            f"propensities {cells.labels[cells.values[row]]!r} say {at_own[row]:g} of position "
            f"{position[row]}, and the propensity there is {own[row]:g}",
            help="log the shown item's propensity at position 1, 2, ..., such as 0.2;0.1;0.1",
        )
    return given


def _numbers(text: str) -> list[float]:
    try:
        found = [float(number) for number in text.split(";")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= number <= 1 for number in found):
        raise BackendError(
            f"{text!r} is no list of propensities", help='write numbers from 0 to 1: "0.2;0.1;0.1"'
        )
    return found


def _estimated(slates: Slates, fit: Log, position: NDArray[np.int64]) -> NDArray[np.float64]:
    assert fit.slate is not None
    clicks = fit.outcomes[str(slates.clicks)] / fit.propensity
    at_first = np.zeros(int(fit.slate.max()) + 1)
    at_first[fit.slate[position == 1]] = clicks[position == 1]
    found = []
    for place in range(1, int(position.max()) + 1):
        here = position == place
        top, bottom = float(clicks[here].sum()), float(at_first[fit.slate[here]].sum())
        if top <= 0 or bottom <= 0:
            raise BackendError(
                f"the fit part has no {slates.clicks} at position {place if top <= 0 else 1}, so its "
                "examination cannot be estimated",
                help="write examination = [1.0, ...] under [replay.slates], or bring a longer log",
            )
        found.append(top / bottom)
    return np.array(found)


def _by_examination(log: Log, examined: NDArray[np.float64]) -> Log:
    assert log.position is not None
    assert log.shown is not None
    own = units(log)
    length = np.bincount(own.of_row)[own.of_row]
    width = int(length.max())
    if width > len(examined) or width > log.shown.shape[1]:
        raise BackendError(
            f"slates have {width} positions, and examination is known of {len(examined)}, propensities of "
            f"{log.shown.shape[1]}",
            help="give a number for each position, or let examination be estimated by a longer fit part",
        )
    weight = examined_until(length, examined, width)
    looked_at = weight[np.arange(log.rows), log.position - 1] * length
    outcomes = {
        name: values * looked_at if name.partition("@")[0] in (IMPRESSIONS, USERS) else values
        for name, values in log.outcomes.items()
    }
    propensity = np.sum(log.shown[:, :width] * weight, axis=1)
    return replace(log, propensity=propensity, position=length, outcomes=outcomes)
