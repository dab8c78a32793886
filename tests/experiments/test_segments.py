"""Limits on a segment: judged by the segment's own users, as an experiment on them alone would be."""

import numpy as np
import pytest
from scipy.stats import binom

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.evidence import Unknown, evidence

ALPHA = 0.03
EVERYBODY = 2_000
COLUMNS = ("y@new", "users@new")


def masked(values):
    """Users (EVERYBODY, 2) of whom the first are the segment's."""
    rows = np.zeros((EVERYBODY, 2))
    rows[: len(values), 0], rows[: len(values), 1] = values, 1
    return rows


def within(make, arms, limit, metric):
    seen = evidence(
        make.moments({name: masked(x) for name, x in arms.items()}, COLUMNS),
        {"new.y": metric.within("y", "new")},
    )
    return seen.limited("new", "new.y", parse_limit(limit))


def alone(make, arms, limit, metric):
    seen = evidence(make.moments({name: x[:, None] for name, x in arms.items()}, ("y",)), {"y": metric})
    return seen.limited("new", "y", parse_limit(limit))


@pytest.mark.parametrize("limit", ["<= 0.4", ">= -3%"])
@pytest.mark.parametrize("kind", ["mean", "proportion"])
def test_a_segment_is_judged_as_its_users_alone_would_be(make, kind, limit):
    rng = make.generator("segment alone")
    for users in (2, 7, 200):
        drawn = [rng.binomial(1, 0.3, users) if kind == "proportion" else rng.gamma(2, size=users)
                 for _ in range(2)]  # fmt: skip
        for values in drawn:
            values[:2] = 0, 1
        arms = {name: values.astype(float) for name, values in zip(("control", "new"), drawn, strict=True)}
        metric = Metric(kind=kind)
        own, other = (f(make, arms, limit, metric) for f in (within, alone))
        assert type(own) is type(other)
        for name in ("value", "error", "degrees"):
            assert getattr(own, name) == pytest.approx(getattr(other, name), rel=1e-9)
        assert own.lower(ALPHA) == pytest.approx(other.lower(ALPHA), rel=1e-9)
        assert own.upper(ALPHA) == pytest.approx(other.upper(ALPHA), rel=1e-9)


@pytest.mark.parametrize(("p", "users"), [(0.05, 200), (0.3, 20)])
@pytest.mark.parametrize("direction", ["<=", ">="])
def test_a_share_at_its_limit_passes_no_more_often_than_stated(make, p, users, direction):
    runs = 2_000
    limit = parse_limit(f"{direction} {p}")
    passed = 0
    for events in make.generator("segment share", users).binomial(users, p, runs).tolist():
        values = np.repeat([1.0, 0.0], [events, users - events])
        seen = within(make, {"control": values, "new": values}, str(limit), Metric(kind="proportion"))
        passed += limit.holds(seen.upper(ALPHA) if direction == "<=" else seen.lower(ALPHA))
    assert passed <= binom.isf(1e-4, runs, ALPHA)


@pytest.mark.parametrize("users", [0, 1])
def test_a_segment_of_fewer_than_two_users_shows_nothing(make, users):
    arms = {"control": np.arange(1.0, 20.0), "new": np.ones(users)}
    seen = within(make, arms, "<= 5", Metric())
    assert isinstance(seen, Unknown)
    assert f"new has {users} users in its segment; 2 are needed" in seen.why
