"""What has not been written yet when a look is taken: until when columns are complete, on each database."""

from datetime import UTC

import pytest
from trials import DAY, HOUR, SPEC, START, VIEWS_ARE_PAGES, event, exposure, fill, observe, warehouse

BOTH = [exposure("u1", "control"), exposure("u2", "a")]


@pytest.mark.parametrize(("days", "whole"), [(3, {"views"}), (4, {"watch", "views"})])
def test_what_is_not_there_yet_is_not_complete(tables, days, whole):
    """Rows are there that were written 4 hours after the end, and rows take 5 hours."""
    tables.execute('CREATE TABLE pages (user_id TEXT, "at" TIMESTAMP)')
    fill(tables, BOTH, [event("u1", "watch", 71, 2.0, later=5)])
    events = {"events": {"ingested": "ingested_at", "late": "5h"}, "pages": {}}
    backend = warehouse(tables, events=events, columns=VIEWS_ARE_PAGES)
    if days == 4:
        fill(tables, [], [event("u1", "watch", 75, 2.0, later=2)])
    found = observe(backend, days)
    late = set(found.columns) - whole if days == 3 else set()
    assert found.complete_until.keys() == late
    assert all(time == (START + 71 * HOUR).replace(tzinfo=UTC) for time in found.complete_until.values())


def test_without_a_time_of_writing_the_last_rows_are_taken_to_be_late(tables):
    fill(tables, BOTH)
    backend = warehouse(tables, events={"events": {"late": "90m"}})
    running, over, matured = (observe(backend, days).complete_until for days in (1, 3, 4))
    assert set(running.values()) == {(START + DAY - 1.5 * HOUR).replace(tzinfo=UTC)}
    assert set(over.values()) == {(START + 3 * DAY - 1.5 * HOUR).replace(tzinfo=UTC)}
    assert matured == {}, "all of the experiment's days are there"


def test_an_empty_table_is_known_until_the_start(tables):
    backend = warehouse(tables, events={"events": {"ingested": "ingested_at"}})
    assert set(observe(backend, 2).complete_until.values()) == {SPEC.start}


def test_late_exposures_make_all_columns_late(tables):
    fill(tables, BOTH)
    found = observe(warehouse(tables, exposures={"late": "1h"}), 2)
    assert found.complete_until.keys() == set(found.columns)
