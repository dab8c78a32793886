"""What is known beforehand of production's users; caps, users by their values, and in parts."""

from dataclasses import replace

from trials import (
    DAY,
    EVENTS,
    EXPOSURES,
    HOUR,
    SPEC,
    START,
    VIEWS_ARE_PAGES,
    arm_of,
    event,
    exposure,
    fill,
    observe,
    sizes,
    warehouse,
)


def test_a_baseline_is_of_the_users_with_events_on_the_last_whole_days(tables):
    hours = {"u1": [-30, -20, 1], "u2": [10], "u3": [25, 47], "u4": [49], "u5": [-50]}
    fill(tables, [], [event(u, "watch", h, 2.0) for u, own in hours.items() for h in own])
    found = warehouse(tables).baseline(2)
    assert found.as_of == SPEC.start + 2 * DAY
    assert sizes(found) == {"control": (3, 3)}
    sums = arm_of(found, "control")
    assert (sums["watch"], sums["watch_before"], sums["views"]) == (2 + 2 + 4, 4, 4)


def test_a_baseline_leaves_the_days_in_which_metrics_mature(tables):
    fill(tables, [], [event("u1", "watch", h, 2.0) for h in (-5, 10, 30, 49)])
    found = warehouse(tables, {"metrics": {"likes": {"matures_after_days": 1}}}).baseline(1)
    assert (found.as_of, arm_of(found, "control")["watch"]) == (SPEC.start + 2 * DAY, 2)


def test_a_baseline_s_days_are_over_in_the_table_that_is_latest(tables):
    """Watch events are there within two days, pages at once."""
    tables.execute('CREATE TABLE pages (user_id TEXT, "at" TIMESTAMP)')
    tables.execute("INSERT INTO pages", [("u1", START + h * HOUR) for h in (1, 30, 80)])
    fill(tables, [], [event("u1", "watch", h, 2.0) for h in (2, 5)])
    backend = warehouse(tables, events={"events": {"late": "2d"}, "pages": {}}, columns=VIEWS_ARE_PAGES)
    found = backend.baseline(1)
    assert found.as_of == SPEC.start + DAY
    assert (arm_of(found, "control")["watch"], arm_of(found, "control")["views"]) == (4, 1)


def test_a_baseline_of_logged_users_has_only_those(tables):
    seen = [
        exposure("u1", "", 3, "h1", "none"),
        exposure("u2", "a", 3, "h1"),
        exposure("u3", "", 3, "h1", "none"),
    ]
    fill(tables, seen, [event(u, "watch", h, 2.0) for u in ("u1", "u2") for h in (2, 4, 30)])
    backend = warehouse(tables, exposures={"production": "none"})
    assert sizes(backend.baseline(1)) == {"control": (2, 2)}
    assert arm_of(backend.baseline(1), "control")["watch"] == 2
    households = warehouse(tables, {"experiment": {"unit": "household"}}, exposures={"production": "none"})
    assert sizes(households.baseline(1)) == {"control": (1, 1)}
    assert arm_of(households.baseline(1), "control")["users"] == 2


def test_a_baseline_caps_what_the_task_winsorises_and_counts_it_as_it_is(tables):
    fill(tables, [], [event(f"u{i}", "watch", 1, float(i)) for i in range(1, 11)] + [event("u1", "view", 25)])
    found = warehouse(tables, {"metrics": {"watch": {"winsorize": 0.8}}}).baseline(1)
    assert arm_of(found, "control")["watch"] == sum(range(1, 9)) + 8 + 8
    assert found.arms[0].histograms["watch"].values == tuple(map(float, range(1, 11)))


def test_values_above_a_cap_count_as_the_cap(tables):
    fill(
        tables,
        [exposure("u1", "a"), exposure("u2", "a")],
        [event("u1", "watch", 1, 9.0), event("u2", "watch", 1, 1.0)],
    )
    found = observe(warehouse(tables), 1, replace(SPEC, caps={"watch": 2.5}))
    assert arm_of(found, "a")["watch"] == 3.5
    assert found.arms[1].products[0][0] == 2.5**2 + 1


def test_histograms_have_every_user_with_the_value_rounded_to_11_bits(tables):
    values = [0.0, 1.0, 2047.0, 4097.0, 0.1, 1e-9, 123456.789, 2.0**40 * (1 - 2.0**-30)]
    fill(
        tables,
        [exposure(f"u{i}", "a") for i in range(9)],
        [event(f"u{i}", "watch", 1, v) for i, v in enumerate(values)],
    )
    metrics = {"p90": {"kind": "quantile", "column": "watch", "quantile": 0.9}}
    found = observe(warehouse(tables, {"metrics": metrics}), 1).arms[1].histograms["watch"]
    wanted = sorted([*values, 0.0])
    counted = [v for v, count in zip(found.values, found.counts, strict=True) for _ in range(count)]
    assert len(counted) == 9
    assert list(found.values) == sorted(set(found.values))
    assert all(abs(a - b) <= found.rounding * b for a, b in zip(counted, wanted, strict=True))
    assert {0.0, 1.0, 2047.0} <= set(found.values)


def test_parts_of_the_users_add_up_to_all(duck, monkeypatch):
    duck.execute(EXPOSURES)
    duck.execute(EVENTS)
    users = [f"u{i}" for i in range(200)]
    fill(
        duck,
        [exposure(u, ("control", "a", "b")[i % 3]) for i, u in enumerate(users)],
        [event(u, "watch", 1, i / 4, str(i)) for i, u in enumerate(users)],
    )
    metrics = {"p90": {"kind": "quantile", "column": "watch", "quantile": 0.9}}
    whole = observe(warehouse(duck, {"metrics": metrics}), 1)
    monkeypatch.setattr("rectune_warehouse.observing.AT_ONCE", 30)
    assert observe(warehouse(duck, {"metrics": metrics}), 1) == whole
    assert whole.arms[0].n == 67
