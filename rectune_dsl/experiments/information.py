"""How much of what an experiment will know is known at a look, where users do not all begin at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rectune_dsl.hooks.api import Cohort, ExperimentState
from rectune_dsl.hooks.serving import DAY, cohorts, served


def information_share(state: ExperimentState, as_of: datetime) -> float:
    """A lower bound of the share of an experiment's information (1 / variance of a mean per user).

    Users are independent, so information adds up over them; a user who persists in habits brings less with
    each further day, so what he brings is a concave function of his days. Every such function is a mixture of
    min(days, c), and the share under a mixture is not below the smallest share under one of them. Where all
    users are served from the start that is the share of days.
    """
    spec = state.spec
    days = -((spec.start - state.ends(as_of)) // DAY)  # more than planned where the ramp is late
    fractions = served(spec.start, state.servings, days, spec.ramp.first)
    so_far, planned = cohorts(fractions), cohorts(spec.ramp.planned(spec.days))
    passed = (as_of - spec.start) / DAY
    shares = (
        _brought(so_far, passed, cap) / _brought(planned, spec.lasts, cap) for cap in range(1, spec.lasts + 1)
    )
    return min(1.0, *shares)


def _brought(groups: Iterable[Cohort], passed: float, cap: int) -> float:
    """Days of all users, each counted up to `cap`, after so many days of the experiment."""
    return sum(
        (group.high - group.low) * min(max(passed - group.first, 0.0), group.days, cap) for group in groups
    )
