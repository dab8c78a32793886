"""How long one look at an experiment takes on a table of events in DuckDB, and how much memory.

    python benchmarks/warehouse.py --json

Needs the plugin: `pip install plugins/rectune-warehouse`. The table has 100 million rows of 2 million users
over 14 days, in the order in which they came. Event ids and user ids are text, one row in a hundred is a copy
of another, and rows are written up to an hour late. On the last 7 days all users are in an experiment of 5
arms. A look reads every row: it counts events of five kinds once by their ids, adds up one value, and takes a
covariate from the 7 days before each user's first exposure. It is timed in a process of its own, with DuckDB
limited to 3 GB; making the table is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from speed.figures import Figure, installed

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.processors import usable
from rectune_dsl.hooks.api import Arm, ArmMoments, BackendContext, Config, ExperimentSpec

ROWS = 100_000_000
QUICK_ROWS = 2_000_000
ROWS_PER_USER = 50
MOST_SECONDS, MOST_GIB = 60.0, 4.0
"""Of one look at 100 million rows."""
START = datetime(2026, 1, 12, tzinfo=UTC)
ARMS = ("control", "a", "b", "c", "d")
FILE = "events.duckdb"
WITH_IDS, WITHOUT_IDS = "copies counted once", "without event ids"
TASK = """
dsl = 1
[task]
name = "feed"
surface = "home-feed"
[signals]
p_click = {}
[stages.ranking]
keep = 10
score = "p_click ** a"
[stages.ranking.params]
a = { production = 1.0, low = 0.5, high = 2.0 }
[metrics]
watch = { goal = "maximize", covariate = "watch_before" }
likes = {}
shares = {}
hate_rate = { kind = "ratio", numerator = "hates", denominator = "views" }
[experiment]
backend = "warehouse"
users_per_arm = 100_000
days = 7
[confirm]
users_per_arm = 100_000
days = 7
[plugins.warehouse]
url = "duckdb://events.duckdb"
population = 2_000_000
options = { memory_limit = "3GB" }
[plugins.warehouse.events.events]
ingested = "ingested_at"
[plugins.warehouse.columns]
watch = { value = "value", where = { name = "watch" } }
watch_before = { value = "value", where = { name = "watch" }, days_before = 7 }
likes = { where = { name = "like" } }
shares = { where = { name = "share" } }
hates = { where = { name = "hate" } }
views = { where = { name = "view" } }
"""
EVENTS = """
CREATE TABLE events AS SELECT
  printf('%016x', hash(i, $seed)) AS event_id,
  'u' || hash(i, $seed, 'user') % $users AS user_id,
  CASE WHEN kind < 60 THEN 'view' WHEN kind < 85 THEN 'watch' WHEN kind < 95 THEN 'like'
    WHEN kind < 98 THEN 'share' ELSE 'hate' END AS name,
  CASE WHEN kind BETWEEN 60 AND 84 THEN hash(i, $seed, 'value') % 10_000 / 1_000 END::DOUBLE AS value,
  TIMESTAMP '2026-01-05' + to_microseconds((i::HUGEINT * 14 * 86_400_000_000 // $rows)::BIGINT) AS "at",
  TIMESTAMP '2026-01-05' + to_microseconds((i::HUGEINT * 14 * 86_400_000_000 // $rows)::BIGINT)
    + to_seconds((hash(row, $seed, 'late') % 3_600)::BIGINT) AS ingested_at
FROM (SELECT row, i, hash(i, $seed, 'kind') % 100 AS kind FROM
  (SELECT row, row - (row % 100 = 99)::INT AS i FROM range($rows) AS made(row)))
"""
EXPOSURES = """
CREATE TABLE exposures AS SELECT 'round-1' AS experiment,
  $arms[(hash(i, $seed, 'arm') % len($arms))::BIGINT + 1] AS arm,
  'u' || i AS user_id,
  TIMESTAMP '2026-01-12' + to_microseconds((hash(i, $seed, 'first') % (5 * 86_400_000_000))::BIGINT) AS "at"
FROM range($users) AS made(i)
"""


@dataclass(frozen=True)
class Look:
    """What one look took: wall clock and processor seconds, peak memory in GiB, and the users it counted."""

    seconds: float
    processor: float
    peak: float
    users: int


class Anyone:
    """A delivery for an experiment that was served already."""

    description = "a benchmark"

    def check(self) -> tuple[str, ...]:
        return ()

    def create(self, spec: ExperimentSpec, key: str, population: int) -> str:
        return key


def main() -> None:
    arguments = _arguments()
    if arguments.look:
        print(json.dumps(_looked(Path(arguments.look), by_id=arguments.by_id).__dict__))
        return
    rows = QUICK_ROWS if arguments.quick else arguments.rows
    looks: dict[str, list[Look]] = {WITH_IDS: [], WITHOUT_IDS: []}
    for seed in range(1 if arguments.quick else arguments.seeds):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            _make(Path(folder), rows, seed)
            for name in looks:
                looks[name].append(_in_a_process(Path(folder), by_id=name == WITH_IDS))
    figures = [figure for name, found in looks.items() for figure in _figures(name, found, rows)]
    if arguments.json:
        setup = _setup(rows, arguments)
        print(json.dumps({"setup": setup, "figures": [f.as_json() for f in figures]}, indent=2))
        return
    for figure in figures:
        print(f"{figure.name}: {figure.value} {figure.unit} (goal {figure.goal}): {figure.ok}")


def _make(folder: Path, rows: int, seed: int) -> None:
    """A database with events of so many rows, and exposures of their users."""
    import duckdb

    users = rows // ROWS_PER_USER
    with duckdb.connect(str(folder / FILE), config={"memory_limit": "4GB"}) as database:
        database.execute("SET enable_progress_bar = false")
        database.execute(EVENTS, {"seed": seed, "users": users, "rows": rows})
        database.execute(EXPOSURES, {"seed": seed, "users": users, "arms": list(ARMS)})


def _in_a_process(folder: Path, *, by_id: bool) -> Look:
    command = [sys.executable, __file__, "--look", str(folder), *(["--by-id"] if by_id else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Look(**json.loads(done.stdout))


def _looked(folder: Path, *, by_id: bool) -> Look:
    """At the whole experiment, when it is over."""
    from rectune_warehouse.backend import Warehouse

    tables = tomllib.loads(TASK)
    if by_id:
        tables["plugins"]["warehouse"]["events"]["events"]["event_id"] = "event_id"
    context: Any = BackendContext(Task.model_validate(tables), 0, folder, delivery=Anyone())  # type: ignore[arg-type]
    backend = Warehouse(context)
    arms = tuple(Arm(name, Config({"a": 1.0 + i / 10})) for i, name in enumerate(ARMS))
    spec = ExperimentSpec("round-1", "explore", "home-feed", arms, 100_000, 7, START, "salt")
    experiment = backend.create(spec, spec.key)
    started = time.perf_counter()
    found = backend.observe(experiment, START + timedelta(days=7))
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Look(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, _users(found.arms))


def _users(arms: tuple[ArmMoments, ...]) -> int:
    return sum(arm.n for arm in arms)


def _figures(name: str, looks: list[Look], rows: int) -> list[Figure]:
    """The worst of each: goals are for the whole table only."""
    whole = rows >= ROWS
    seconds, peak = max(look.seconds for look in looks), max(look.peak for look in looks)
    processor = max(look.processor for look in looks)
    return [
        Figure(
            f"a look, {name}",
            round(seconds, 1),
            "s",
            f"<= {MOST_SECONDS:g}" if whole else "none",
            not whole or seconds <= MOST_SECONDS,
        ),
        Figure(f"processor time, {name}", round(processor, 1), "s", "none", True),
        Figure(f"peak memory, {name}", round(peak, 2), "GiB", f"<= {MOST_GIB:g}", peak <= MOST_GIB),
        Figure(
            f"users counted, {name}",
            min(look.users for look in looks),
            "users",
            f"= {rows // ROWS_PER_USER}",
            all(look.users == rows // ROWS_PER_USER for look in looks),
        ),
    ]


def _setup(rows: int, arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "rows": rows,
        "users": rows // ROWS_PER_USER,
        "arms": len(ARMS),
        "seeds": 1 if arguments.quick else arguments.seeds,
        "quick": arguments.quick,
        **{name: installed(name) for name in ("rectune-warehouse", "duckdb", "ibis-framework")},
        "python": platform.python_version(),
        "processors": usable(),
        "load": round(os.getloadavg()[0], 1),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the table of events")
    parser.add_argument("--seeds", type=int, default=1, help="tables, each with rows of its own")
    parser.add_argument(
        "--folder", help="where the table is made, 3 GB for 100 million rows, and removed again"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--look", help=argparse.SUPPRESS)
    parser.add_argument("--by-id", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
