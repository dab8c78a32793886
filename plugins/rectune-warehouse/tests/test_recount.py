"""Statistics against a recount in plain Python, on rows that are as bad as rows get."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from engines import DuckDB, PostgreSQL
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import BOT_DAYS, DAY, EVENTS, EXPOSURES, SPEC, START, Recount, fill, observe, warehouse

from rectune_dsl.hooks.api import Ramp

TICK = timedelta(microseconds=1)
ARMS = [arm.name for arm in SPEC.arms]
USERS = st.sampled_from(["u1", "u2", "u3", "u4", "u'; DROP TABLE events; --", None])
MOMENTS = st.one_of(
    st.none(),
    st.sampled_from([START, START - TICK, START + DAY, START + 3 * DAY - TICK, START + 3 * DAY]),
    st.integers(-72 * 4, 120 * 4).map(lambda quarters: START + timedelta(minutes=15 * quarters)),
)
VALUES = st.one_of(
    st.none(), st.integers(-8, 40).map(lambda n: n / 4), st.sampled_from([math.nan, math.inf, -math.inf])
)
EXPOSED = st.tuples(
    st.sampled_from(["round-1", "round-1", "round-1", "round-2"]),
    st.sampled_from([*ARMS, "another", None]),
    USERS,
    MOMENTS,
    st.sampled_from(["h1", "h2", None]),
)
DONE = st.tuples(
    st.sampled_from(["e1", "e2", "e3", "e4", "e5", None]),
    USERS,
    st.sampled_from(["watch", "like", "hate", "report", "view"]),
    VALUES,
    MOMENTS,
    st.none(),
)


def alike(events):
    """Copies of an event are of the same name: that of the first."""
    names = {}
    return [
        (id, user, names.setdefault((user, id), name) if id else name, *rest)
        for id, user, name, *rest in events
    ]


@st.composite
def cases(draw):
    events = draw(st.lists(DONE, max_size=25))
    copies = draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    return (
        draw(st.lists(EXPOSED, max_size=16)),
        alike([*events, *copies]),
        draw(st.sampled_from([0, 1, 2, 3, 5])),
        draw(st.sampled_from(["user", "household"])),
        draw(st.sampled_from([{}, {"watch": 2.0, "views": 1.0}])),
        draw(st.sampled_from([None, 1.5])),
        draw(st.booleans()),
    )


@given(case=cases())
@settings(max_examples=60)
def test_moments_are_those_of_a_recount(duck_file, case):
    recounted(duck_file, case)


@given(case=cases())
@settings(max_examples=30)
def test_moments_on_postgresql_are_those_of_a_recount(postgres, case):
    recounted(postgres, case)


@pytest.fixture(scope="module")
def duck_file(tmp_path_factory):
    return DuckDB(tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="module")
def postgres(server, tmp_path_factory):
    return PostgreSQL(server, tmp_path_factory.mktemp("folder"))


def recounted(engine, case):
    exposures, events, days, unit, caps, per_day, ramped = case
    for name, statement in (
        ("exposures", EXPOSURES),
        ("events", EVENTS),
        ("bots", "CREATE TABLE bots (user_id TEXT)"),
    ):
        engine.execute(f"DROP TABLE IF EXISTS {name}")
        engine.execute(statement)
    fill(engine, exposures, events)
    engine.execute("INSERT INTO bots", [("u4",), ("u4",), (None,)])
    bots = {"listed": {"table": "bots"}, **({"events_per_day": per_day, "days": BOT_DAYS} if per_day else {})}
    spec = replace(
        SPEC, unit=unit, caps=caps, ramp=Ramp((0.5,), 1) if ramped else SPEC.ramp, days=2 if ramped else 3
    )
    found = observe(warehouse(engine, bots=bots, crossed_at_most=1.0), days, spec)
    as_of = START + days * DAY
    end = max(START + 3 * DAY, as_of) if ramped else START + 3 * DAY
    wanted = Recount(exposures, events, frozenset(["u4"]), per_day or math.inf, caps).moments(
        found.columns, ARMS, START, end, as_of, unit
    )
    for arm in found.arms:
        assigned, n, sums, products = wanted[arm.arm]
        assert (arm.assigned, arm.n) == (assigned, n)
        assert list(arm.sums) == (sums or [0.0] * len(found.columns))
        assert [list(row) for row in arm.products] == (
            products or [[0.0] * len(found.columns)] * len(found.columns)
        )
