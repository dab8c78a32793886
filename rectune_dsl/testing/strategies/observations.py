"""What a backend could report of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import strategies as st

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.hooks.api import CONTROL, Estimates, Moments, Observation
from rectune_dsl.testing.population import draw, level, population, set_level
from rectune_dsl.workflow.clock import EPOCH

_MOST_USERS = 100_000


def observations(task: Task, arms: Sequence[str] = ("candidate",)) -> st.SearchStrategy[Observation]:
    """Observations of the task's confirmation, at its horizon or before: moments over the columns of its
    judged metrics, or estimates of them. Metrics may be late, columns may be missing, arms may be small.
    """
    return st.one_of(_moments(task, arms), _estimates(task, arms))


@st.composite
def _moments(draw_: st.DrawFn, task: Task, arms: Sequence[str]) -> Moments:
    control = population(task)
    users = draw_(st.integers(2, _MOST_USERS))
    generator = np.random.Generator(np.random.Philox(key=draw_(st.integers(0, 2**32 - 1))))
    found = [draw(control, CONTROL, users, generator, task.quantiles)]
    for arm in arms:
        treated = dict(control)
        for name, metric in task.judged.items():
            lift = draw_(st.sampled_from([0.0, 0.01, -0.01, 0.3, -0.3]))
            set_level(treated, metric, name, level(control, metric, name) * (1 + lift))
        found.append(draw(treated, arm, users, generator, task.quantiles))
    as_of = EPOCH + timedelta(days=draw_(st.integers(0, task.confirm.days + 30)))
    moments = Moments(as_of, tuple(control), tuple(found))
    late = draw_(st.sets(st.sampled_from(moments.columns)))
    delay = timedelta(days=draw_(st.integers(1, 10)))
    lost = draw_(st.sets(st.sampled_from(moments.columns), max_size=len(moments.columns) - 1))
    complete_until = {column: as_of - delay for column in moments.columns if column in late}
    return _without(replace(moments, complete_until=complete_until), lost)


def _without(moments: Moments, lost: set[str]) -> Moments:
    """The same without some columns."""
    kept = [i for i, column in enumerate(moments.columns) if column not in lost]
    arms = tuple(
        replace(
            arm,
            sums=tuple(arm.sums[i] for i in kept),
            products=tuple(tuple(arm.products[i][j] for j in kept) for i in kept),
        )
        for arm in moments.arms
    )
    missing = {column: "its table was not written" for column in moments.columns if column in lost}
    return replace(moments, columns=tuple(moments.columns[i] for i in kept), arms=arms, missing=missing)


def _estimates(task: Task, arms: Sequence[str]) -> st.SearchStrategy[Estimates]:
    return _moments(task, arms).map(lambda moments: estimate(moments, task.judged))
