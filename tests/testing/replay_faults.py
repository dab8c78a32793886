"""Replay backends with one fault each in their estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.hooks.api import Estimates

FAULTS: dict[str, type[ReplayBackend]] = {}
"""By their names."""


def fault(change: Callable[[Estimates], Estimates]) -> None:
    def observe(self, experiment, as_of):
        return change(ReplayBackend.observe(self, experiment, as_of))

    FAULTS[change.__name__] = type(change.__name__, (ReplayBackend,), {"observe": observe})


@fault
def takes_arms_as_independent(found: Estimates) -> Estimates:
    """They share control, so their lifts do not vary independently."""
    return replace(found, covariance=_rows(np.diag(np.diag(found.covariance))))


@fault
def gives_standard_errors(found: Estimates) -> Estimates:
    covariance = np.array(found.covariance)
    return replace(found, covariance=_rows(covariance / np.sqrt(np.diag(covariance)).mean()))


@fault
def gives_percent(found: Estimates) -> Estimates:
    return replace(found, lift=_rows(100 * np.array(found.lift)))


@fault
def gives_no_lift_and_no_reason(found: Estimates) -> Estimates:
    first, *others = found.lift
    return replace(found, lift=((None, *first[1:]), *others))


@fault
def leaves_the_last_arm_out(found: Estimates) -> Estimates:
    return replace(found, arms=found.arms[:-1])


def _rows(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, values.tolist()))
