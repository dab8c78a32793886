"""Statistics against a recount in plain Python, on rows that are as bad as rows get."""

import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from engines import DuckDB, PostgreSQL
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import BOT_DAYS, DAY, EVENTS, EXPOSURES, HOUR, SPEC, START, Recount, fill, observe, warehouse

from rectune_dsl.hooks.api import Ramp

TICK = timedelta(microseconds=1)
ARMS = [arm.name for arm in SPEC.arms]
USERS = ["u1", "u2", "u3", "u4", "u5", "u6", "u'; DROP TABLE events; --"]
LISTED = "u6"
SEEN_AT = (0, 0, 1, 2, 24, 25, 48, 71, 72, -1)
DONE_AT = (-49, -48, -47, -24, -1, 0, 0, 1, 1, 2, 2, 3, 23, 24, 25, 30, 47, 48, 49, 71, 72, 73, 96)
"""Hours after the start: so few that rows meet at one moment."""
KINDS = ("watch", "watch", "watch", "like", "hate", "report", "view")
VALUES = (None, math.nan, math.inf, -1.5, 0.0, 0.25, 1.0, 2.0, 7.5)
SEEDS = st.integers(0, 2**32)


class Case:
    """What a seed makes: rows of which most are of one experiment and its users, and how it is looked at."""

    def __init__(self, seed):
        self._rng = random.Random(seed)
        pick = self._rng.choice
        exposures = [self._exposure() for _ in range(self._rng.randint(4, 12))]
        events = [self._event() for _ in range(self._rng.randint(10, 60))]
        events += [pick(events) for _ in range(4)]
        self.exposures = [self._spoilt(row, (0, 1, 2, 3, 4)) for row in exposures]
        self.events = [self._spoilt(row, (0, 1, 4)) for row in _alike(events)]
        self.days = pick((1, 2, 2, 3, 3, 5))
        self.unit = pick(("user", "user", "household"))
        self.caps = pick(({}, {"watch": 2.0, "views": 1.0}))
        self.per_day = pick((None, None, 1.5, 3.0))
        self.ramped = pick((False, False, True))

    def _exposure(self):
        pick = self._rng.choice
        return ("round-1", pick(ARMS), pick(USERS), self._moment(SEEN_AT), pick(("h1", "h2", "h3")))

    def _event(self):
        pick = self._rng.choice
        id = pick((None, "e1", "e2", "e3", "e4", "e5", "e6"))
        return (id, pick(USERS), pick(KINDS), pick(VALUES), self._moment(DONE_AT), None)

    def _moment(self, hours):
        return START + self._rng.choice(hours) * HOUR + self._rng.choice((0, 0, 0, -1, 1)) * TICK

    def _spoilt(self, row, places):
        """Now and then a row lacks what it needs, or is of something else."""
        place = self._rng.choice(places)
        value = self._rng.choice((None, "another")) if place < 2 and len(places) == 5 else None
        return (*row[:place], value, *row[place + 1 :]) if self._rng.random() < 0.08 else row


def _alike(events):
    """Copies of an event are of the same name: that of the first."""
    names = {}
    return [(id, u, names.setdefault((u, id), name) if id else name, *rest) for id, u, name, *rest in events]


@given(seed=SEEDS)
@settings(max_examples=25)
def test_moments_are_those_of_a_recount(duck_file, seed):
    recounted(duck_file, Case(seed))


@given(seed=SEEDS)
@settings(max_examples=40)
def test_moments_on_postgresql_are_those_of_a_recount(postgres, seed):
    recounted(postgres, Case(seed))


@pytest.fixture(scope="module")
def duck_file(tmp_path_factory):
    return DuckDB(tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="module")
def postgres(server, tmp_path_factory):
    return PostgreSQL(server, tmp_path_factory.mktemp("folder"))


def recounted(engine, case):
    for name, made in (
        ("exposures", EXPOSURES),
        ("events", EVENTS),
        ("bots", "CREATE TABLE bots (user_id TEXT)"),
    ):
        engine.execute(f"DROP TABLE IF EXISTS {name}")
        engine.execute(made)
    fill(engine, case.exposures, case.events)
    engine.execute("INSERT INTO bots", [(LISTED,), (LISTED,), (None,)])
    few = {"events_per_day": case.per_day, "days": BOT_DAYS} if case.per_day else {}
    bots = {"listed": {"table": "bots"}, **few}
    ramp, days = (Ramp((0.5,), 1), 2) if case.ramped else (SPEC.ramp, 3)
    spec = replace(SPEC, unit=case.unit, caps=case.caps, ramp=ramp, days=days)
    found = observe(warehouse(engine, bots=bots, crossed_at_most=1.0), case.days, spec)
    as_of = START + case.days * DAY
    end = max(START + 3 * DAY, as_of) if case.ramped else START + 3 * DAY
    by_hand = Recount(case.exposures, case.events, frozenset([LISTED]), case.per_day or math.inf, case.caps)
    wanted = by_hand.moments(found.columns, ARMS, START, end, as_of, case.unit)
    nothing = [0.0] * len(found.columns)
    for arm in found.arms:
        assigned, n, sums, products = wanted[arm.arm]
        assert (arm.assigned, arm.n) == (assigned, n)
        assert list(arm.sums) == (sums or nothing)
        assert [list(row) for row in arm.products] == (products or [nothing] * len(nothing))
