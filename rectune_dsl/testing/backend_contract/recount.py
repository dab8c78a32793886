"""Statistics counted again from the platform's own rows, one user at a time and without any backend."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import USER, USERS, ArmMoments, Estimates, Histogram, Moments, Observation
from rectune_dsl.testing.backend_contract.rig import Row

Floats = NDArray[np.float64]


def arm_of_rows(
    rows: Sequence[Row], arm: str, columns: Sequence[str], caps: Mapping[str, float], unit: str
) -> tuple[int, Floats]:
    """Units assigned to an arm, and (units that came, columns) what each of them has: the sums over its users
    who came, each user's value being capped first."""
    units: dict[str, Floats | None] = {}
    for row in rows:
        if row.arm != arm:
            continue
        name = row.user if unit == USER else row.unit
        assert name, f"the rig's row of user {row.user} does not tell its {unit}: give `unit`"
        total = units.setdefault(name, None)
        if row.came:
            values = _values(row, columns, caps)
            units[name] = values if total is None else total + values
    came = [total for total in units.values() if total is not None]
    return len(units), np.array(came).reshape(len(came), len(columns))


def assert_moments(
    found: Moments, rows: Sequence[Row], caps: Mapping[str, float], unit: str, tol: float
) -> None:
    """Every arm's `assigned`, `n`, sums and products are those of the rows, in columns that are neither late
    nor missing."""
    columns = whole_columns(found)
    for arm in found.arms:
        assigned, values = arm_of_rows(rows, arm.arm, columns, caps, unit)
        what = f"arm {arm.arm!r} at {found.as_of}"
        assert (arm.assigned, arm.n) == (assigned, len(values)), f"assigned and n of {what}"
        sums, products = _of(arm, found, columns)
        assert_close(sums, values.sum(axis=0), np.abs(values).sum(axis=0), tol, f"sums of {columns}, {what}")
        scale = np.abs(values).T @ np.abs(values)
        assert_close(products, values.T @ values, scale, tol, f"products of {what}")


def assert_between(
    found: Moments, least: Sequence[Row], most: Sequence[Row], column: str, tol: float
) -> None:
    """A column that comes late has at least what it says is complete, and nothing that did not happen."""
    at = found.columns.index(column)
    for arm in found.arms:
        low, high = (float(arm_of_rows(rows, arm.arm, [column], {}, USER)[1].sum()) for rows in (least, most))
        room = tol * max(abs(low), abs(high))
        assert low - room <= arm.sums[at] <= high + room, (
            f"arm {arm.arm!r} has {arm.sums[at]} of {column!r}, of which {low} happened before "
            f"{found.complete_until.get(column, found.as_of)} and {high} before {found.as_of}"
        )


def assert_histogram(histogram: Histogram, rows: Sequence[Row], arm: str, column: str) -> None:
    """It has every user who came, with the value, rounded by no more than it says."""
    values = np.sort([row.values[column] for row in rows if row.arm == arm and row.came])
    assert list(histogram.values) == sorted(set(histogram.values)), f"values of {column!r} do not ascend"
    counted = np.repeat(np.array(histogram.values, np.float64), histogram.counts)
    assert counted.size == values.size, f"the histogram of {column!r} in arm {arm!r} has other users"
    room = (histogram.rounding + 1e-9) * np.abs(values)
    assert (np.abs(counted - values) <= room).all(), f"the histogram of {column!r} in arm {arm!r} is another"


def assert_same(found: Observation, wanted: Observation, tol: float) -> None:
    """Two observations of the same moment, the second of which was made before, say the same. What was late
    then may have come."""
    assert type(found) is type(wanted)
    assert found.as_of == wanted.as_of
    assert dict(found.missing) == dict(wanted.missing)
    if isinstance(found, Estimates) and isinstance(wanted, Estimates):
        assert_estimates(found, wanted, tol)
    if isinstance(found, Moments) and isinstance(wanted, Moments):
        assert found.columns == wanted.columns
        columns = whole_columns(wanted)
        for one, other in zip(found.arms, wanted.arms, strict=True):
            assert (one.arm, one.assigned, one.n) == (other.arm, other.assigned, other.n)
            both = zip(_of(one, found, columns), _of(other, wanted, columns), strict=True)
            for what, (mine, theirs) in zip(("sums", "products"), both, strict=True):
                assert_close(mine, theirs, np.abs(theirs), tol, f"{what} of {one.arm!r}")


def assert_estimates(found: Estimates, wanted: Estimates, tol: float) -> None:
    """The same lifts, levels and errors for the same arms and metrics."""
    assert (found.arms, found.metrics) == (wanted.arms, wanted.metrics)
    for name in ("lift", "level", "level_se", "covariance"):
        one, other = _numbers(getattr(found, name)), _numbers(getattr(wanted, name))
        assert (np.isnan(one) == np.isnan(other)).all(), f"{name} is missing elsewhere"
        size = np.abs(np.nan_to_num(other))
        if name == "covariance":  # beside their variances covariances may be next to nothing
            size = np.sqrt(np.outer(np.diag(size), np.diag(size)))
        assert_close(np.nan_to_num(one), np.nan_to_num(other), size, tol, name)


def assert_close(found: object, wanted: object, scale: object, tol: float, what: str) -> None:
    """Arrays of one shape that differ by at most a part `tol` of `scale`."""
    one, other = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert one.shape == other.shape, f"{what}: shape {one.shape}, and {other.shape} in the recount"
    wrong = ~(np.abs(one - other) <= tol * np.asarray(scale, np.float64) + np.finfo(np.float64).tiny)
    assert not wrong.any(), f"{what}: {one[wrong][:5]}, and {other[wrong][:5]} in the recount"


def whole_columns(found: Moments) -> list[str]:
    """Columns that have all events until now."""
    gone: Collection[str] = {*found.missing, *(c for c in found.columns if _is_late(found, c))}
    return [column for column in found.columns if column not in gone]


def complete_until(found: Moments, column: str) -> datetime:
    return found.complete_until.get(column, found.as_of)


def _of(arm: ArmMoments, found: Moments, columns: Sequence[str]) -> tuple[Floats, Floats]:
    """An arm's sums and products of some columns."""
    at = [found.columns.index(column) for column in columns]
    products = np.array(arm.products, np.float64).reshape(len(arm.sums), -1)
    return np.array(arm.sums, np.float64)[at], products[np.ix_(at, at)]


def _is_late(found: Moments, column: str) -> bool:
    return complete_until(found, column) < found.as_of


def _values(row: Row, columns: Sequence[str], caps: Mapping[str, float]) -> Floats:
    told = {USERS: 1.0, **row.values}
    unknown = [column for column in columns if column not in told]
    assert not unknown, f"the rig's rows do not tell {unknown}, and the observation does not call it missing"
    return np.array([min(told[column], caps.get(column, np.inf)) for column in columns], np.float64)


def _numbers(rows: Sequence[Sequence[float | None]]) -> Floats:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], np.float64)
