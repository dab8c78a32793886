"""The rules of what counts, one by one, on each kind of database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trials import (
    DAY,
    HOUR,
    SPEC,
    START,
    arm_of,
    event,
    exposure,
    fill,
    observe,
    sizes,
    warehouse,
)

from rectune_dsl.hooks.api import Ramp

TICK = timedelta(microseconds=1)
BOTH = [exposure("u1", "control"), exposure("u2", "a")]


def test_a_user_counts_in_the_arm_of_the_first_exposure(tables):
    seen = [exposure("u1", "b", 5), exposure("u1", "a", 2), exposure("u2", "a", 3), exposure("u2", "a", 1)]
    fill(tables, seen, [event("u1", "like", 6)])
    found = observe(warehouse(tables, crossed_at_most=0.5), 1)
    assert sizes(found) == {"control": (0, 0), "a": (2, 2), "b": (0, 0)}
    assert arm_of(found, "a")["likes"] == 1
    assert not found.missing


def test_of_exposures_at_one_moment_the_spec_s_first_arm_holds(tables):
    fill(tables, [exposure("u1", "b", 1), exposure("u1", "control", 1), exposure("u1", "a", 1)])
    assert sizes(observe(warehouse(tables, crossed_at_most=1.0), 1))["control"] == (1, 1)


def test_when_too_many_were_in_several_arms_nothing_is_concluded(tables):
    users = [exposure(f"u{i}", ("control", "a")[i % 2]) for i in range(100)]
    fill(tables, [*users, exposure("u0", "a", 1), exposure("u1", "b", 1)])
    found = observe(warehouse(tables), 1)
    assert set(found.missing) == set(found.columns)
    assert "2 of 100 were exposed to several arms, more than 1.0%" in found.missing["likes"]
    assert not observe(warehouse(tables, crossed_at_most=0.02), 1).missing


def test_events_count_from_the_first_exposure_on(tables):
    at = [0, 1.99, 2, 3]
    fill(
        tables,
        [exposure("u1", "a", 2), exposure("u1", "a", 4)],
        [event("u1", "watch", h, 2**i, str(i)) for i, h in enumerate(at)],
    )
    sums = arm_of(observe(warehouse(tables), 1), "a")
    assert (sums["watch"], sums["watch_before"]) == (4 + 8, 1 + 2)


def test_a_covariate_is_of_the_days_before_each_user_s_own_first_exposure(tables):
    hours = [-24.1, -23.9, 0, 23.9, 24]
    fill(
        tables,
        [exposure("u1", "a", 24)],
        [event("u1", "watch", h, 2**i, str(i)) for i, h in enumerate(hours)],
    )
    assert arm_of(observe(warehouse(tables), 2), "a")["watch_before"] == 2 + 4 + 8


def test_nothing_counts_that_happens_at_the_moment_of_the_look_or_later(tables):
    fill(
        tables,
        [exposure("u1", "a"), exposure("u2", "a", 24)],
        [event("u1", "like", 24), event("u1", "like", 23.9)],
    )
    early = observe(warehouse(tables), 1)
    assert (sizes(early)["a"], arm_of(early, "a")["likes"]) == ((1, 1), 1)
    assert sizes(observe(warehouse(tables), 2))["a"] == (2, 2)


def test_a_look_at_the_past_shows_what_it_showed_then(tables):
    fill(tables, BOTH, [event("u1", "like", 2)])
    before = observe(warehouse(tables), 1)
    fill(
        tables,
        [exposure("u3", "a", 30), exposure("u1", "b", 40)],
        [event("u1", "like", 30), event("u2", "watch", 50, 3.0)],
    )
    assert observe(warehouse(tables), 1) == before


def test_nothing_counts_after_the_experiment_s_last_day(tables):
    fill(tables, [*BOTH, exposure("u3", "a", 72)], [event("u1", "like", 71.9), event("u1", "like", 72)])
    assert observe(warehouse(tables), 5).arms == observe(warehouse(tables), 3).arms
    assert arm_of(observe(warehouse(tables), 5), "control")["likes"] == 1


def test_a_ramp_that_was_late_ends_later(tables):
    """Its last look is as many days after its end as the slowest metric takes to mature."""
    spec = replace(SPEC, ramp=Ramp((0.1,), 1), days=2)
    fill(tables, BOTH, [event("u1", "like", h, id=str(h)) for h in (71, 73, 95, 97, 119)])
    backend = warehouse(tables, {"metrics": {"likes": {"matures_after_days": 1}}})
    likes = [arm_of(observe(backend, days, spec), "control")["likes"] for days in (3, 4, 5)]
    assert likes == [1, 1, 3]


def test_days_after_are_each_user_s_own(tables):
    columns = {"back": {"per": "any", "days_after": [1, 2], "where": {"name": "view"}}}
    metrics = {"back": {"kind": "proportion", "matures_after_days": 2}}
    events = [
        event("u1", "view", 23.9),
        event("u2", "view", 60.5),
        event("u3", "view", 96),
        event("u3", "view", 120),
    ]
    fill(tables, [exposure("u1", "a", 0), exposure("u2", "a", 12.5), exposure("u3", "a", 72)], events)
    fill(tables, [exposure("u4", "b", 71.9)], [event("u4", "view", 119)])
    found = observe(warehouse(tables, {"metrics": metrics}, columns=columns), 5)
    assert (arm_of(found, "a")["back"], arm_of(found, "b")["back"]) == (0, 1)
    fill(tables, [], [event("u2", "view", 37)])
    assert arm_of(observe(warehouse(tables, {"metrics": metrics}, columns=columns), 5), "a")["back"] == 1


def test_copies_of_an_event_count_once(tables):
    copies = [
        event("u1", "watch", 1, 2.0, "e1"),
        event("u1", "watch", 1, 2.0, "e1"),
        event("u1", "watch", 4, 3.0, "e1"),
    ]
    others = [event("u2", "watch", 1, 2.0, "e1"), event("u1", "watch", 1, 2.0), event("u1", "watch", 1, 2.0)]
    fill(tables, BOTH, [*copies, *others])
    found = observe(warehouse(tables), 1)
    assert (arm_of(found, "control")["views"], arm_of(found, "control")["watch"]) == (3, 3 + 2 + 2)
    assert arm_of(found, "a")["watch"] == 2
    plain = observe(warehouse(tables, events={"events": {"event_id": None}}), 1)
    assert arm_of(plain, "control")["views"] == 5


def test_a_copy_from_before_the_exposure_puts_its_event_there(tables):
    fill(
        tables,
        [exposure("u1", "a", 2)],
        [event("u1", "watch", 1, 2.0, "e1"), event("u1", "watch", 3, 2.0, "e1")],
    )
    sums = arm_of(observe(warehouse(tables), 1), "a")
    assert (sums["watch"], sums["watch_before"]) == (0, 2)


def test_bots_are_assigned_and_not_counted(tables):
    tables.execute("CREATE TABLE crawlers (who TEXT)")
    tables.execute("INSERT INTO crawlers", [("u1",), ("u1",), (None,)])
    many = [event(user, "like", -1 + i / 100, id=str(i)) for user in ("u2", "u3") for i in range(11)]
    fill(tables, [*BOTH, exposure("u3", "a"), exposure("u4", "a")], [*many, event("u4", "like", 1)])
    bots = {"events_per_day": 10, "days": 1, "listed": {"table": "crawlers", "user": "who"}}
    found = observe(warehouse(tables, bots=bots), 2)
    assert sizes(found) == {"control": (1, 0), "a": (3, 1), "b": (0, 0)}
    assert arm_of(found, "a")["likes"] == 1
    assert sizes(observe(warehouse(tables, bots={**bots, "days": 2}), 2))["a"] == (3, 3), (
        "11 events in two days are no more than 10 a day"
    )


def test_all_events_of_a_user_tell_a_bot_and_not_those_of_a_metric(tables):
    fill(tables, BOTH, [event("u1", "scroll", -1 + i / 100) for i in range(11)])
    columns = {"views": {"where": {"name": "view"}}}
    bots = {"events_per_day": 10, "days": 1}
    assert sizes(observe(warehouse(tables, columns=columns, bots=bots), 1))["control"] == (1, 0)


def test_what_an_arm_makes_its_users_do_makes_no_bots_of_them(tables):
    fill(tables, BOTH, [event("u2", "like", 1 + i / 1000, id=str(i)) for i in range(500)])
    found = observe(warehouse(tables, bots={"events_per_day": 10}), 3)
    assert arm_of(found, "a")["likes"] == 500


def test_what_is_no_number_counts_as_nothing(tables):
    values = [None, float("nan"), float("inf"), 2.0]
    fill(tables, BOTH, [event("u1", "watch", 1, value) for value in values])
    sums = arm_of(observe(warehouse(tables), 1), "control")
    assert (sums["watch"], sums["views"], sums["longest"]) == (2, 4, 2)


def test_times_with_a_zone_and_without_are_utc(engine):
    engine.execute(
        'CREATE TABLE exposures (experiment TEXT, arm TEXT, user_id TEXT, "at" TIMESTAMPTZ, household TEXT)'
    )
    engine.execute('CREATE TABLE events (event_id TEXT, user_id TEXT, name TEXT, value REAL, "at" DATE)')
    engine.execute(
        "INSERT INTO exposures", [("round-1", "a", "u1", datetime(2026, 3, 2, 23, 30, tzinfo=UTC), None)]
    )
    engine.execute(
        "INSERT INTO events", [(None, "u1", "watch", 2.0, START.date() + i * DAY) for i in range(3)]
    )
    assert arm_of(observe(warehouse(engine), 1), "a") == dict.fromkeys(
        ("watch", "likes", "liked", "hates", "views", "longest"), 0.0
    ) | {"watch_before": 2.0}
    assert arm_of(observe(warehouse(engine), 3), "a")["watch"] == 4


def test_users_may_be_numbers_in_one_table_and_text_in_another(engine):
    engine.execute(
        'CREATE TABLE exposures (experiment TEXT, arm TEXT, user_id BIGINT, "at" TIMESTAMP, household TEXT)'
    )
    engine.execute(
        'CREATE TABLE events (event_id BIGINT, user_id TEXT, name TEXT, value REAL, "at" TIMESTAMP)'
    )
    engine.execute("INSERT INTO exposures", [("round-1", "a", 7, START, None)])
    engine.execute(
        "INSERT INTO events", [(1, "7", "watch", 2.0, START + HOUR), (1, "7", "watch", 2.0, START + HOUR)]
    )
    assert arm_of(observe(warehouse(engine), 1), "a")["watch"] == 2


def test_households_are_summed_as_one_and_count_where_the_first_of_them_was(tables):
    seen = [
        exposure("u1", "a", 2, "h1"),
        exposure("u2", "b", 1, "h1"),
        exposure("u3", "b", 1, "h2"),
        exposure("u4", "b", 1),
        exposure("u5", "control", 1, "h3"),
    ]
    fill(
        tables,
        seen,
        [event("u1", "like", 1.5), event("u1", "like", 3), event("u2", "like", 3), event("u3", "like", 3)],
    )
    spec = replace(SPEC, unit="household", caps={"likes": 1.0})
    found = observe(warehouse(tables, crossed_at_most=1.0), 1, spec)
    assert sizes(found) == {"control": (1, 1), "a": (0, 0), "b": (2, 2)}
    sums = arm_of(found, "b")
    assert (sums["users"], sums["likes"]) == (3, 3)
    b = found.arms[2]
    at = {name: found.columns.index(name) for name in ("users", "likes")}
    assert (b.products[at["users"]][at["users"]], b.products[at["likes"]][at["users"]]) == (5, 5)


def test_segments_are_of_the_table_s_users_and_the_first_that_matches_holds(tables):
    tables.execute("CREATE TABLE segments (user_id TEXT, segment TEXT)")
    rows = [("u1", "heavy"), ("u1", "new"), ("u2", "heavy"), ("u2", "heavy"), ("u3", "other"), (None, "new")]
    tables.execute("INSERT INTO segments", rows)
    changes = {
        "segments": {
            "new": {"when": "is_new", "guardrails": {"hate_rate": "<= +20%"}},
            "heavy": {"when": "1 - is_new", "guardrails": {"likes": ">= -5%"}},
        }
    }
    users = ("u1", "u2", "u3")
    fill(
        tables,
        [exposure(u, "a") for u in users],
        [event(u, name, 1) for u in users for name in ("hate", "like")],
    )
    backend = warehouse(tables, changes, segments={"table": "segments"})
    found = observe(backend, 1)
    sums = arm_of(found, "a")
    assert {c: sums[c] for c in sums if "@" in c} == {
        "hates@new": 1, "views@new": 2, "users@new": 1, "likes@heavy": 1, "users@heavy": 1
    }  # fmt: skip
    assert set(found.columns) <= set(backend.capabilities().metrics)


def test_without_a_table_of_segments_their_columns_are_missing(tables):
    fill(tables, BOTH)
    changes = {"segments": {"new": {"when": "is_new", "guardrails": {"likes": ">= -5%"}}}}
    backend = warehouse(tables, changes)
    assert "[plugins.warehouse.segments]" in observe(backend, 1).missing["likes@new"]
    assert "likes@new" not in backend.capabilities().metrics
