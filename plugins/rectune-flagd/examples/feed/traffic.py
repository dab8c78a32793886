"""A small product in one file: users who come, a ranker that asks the flag, and the events that follow.

    python traffic.py 2026-01-05

makes the days until then, each once, and writes their exposures and events to events.duckdb. Everything that
concerns the flag is what an application does: see `Feed`. The rest is what people would do.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from filelock import FileLock
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

FIRST = datetime(2025, 12, 22, tzinfo=UTC)
DAY = timedelta(days=1)
USERS = 24_000
COMES = 0.5
"""The chance that a user comes on a day."""
ITEMS, SHOWN = 12, 3
DEFAULT = {"experiment": None, "arm": None, "config": {"w_finish": 0.5, "w_bait": 0.3}}
"""What the code itself does while there is no flag."""
TABLES = """
create table if not exists exposures (experiment text, arm text, user_id text, "at" timestamp);
create table if not exists events (
    event_id text, user_id text, name text, value double, "at" timestamp, ingested_at timestamp);
create table if not exists days (day timestamp primary key);
"""
EXPOSURES = ("experiment", "arm", "user_id", "at")
EVENTS = ("event_id", "user_id", "name", "value", "at", "ingested_at")


class Feed:
    """The application's side of an experiment: it asks the flag, ranks by the config that it is given, and
    logs the exposure where the value names an experiment."""

    def __init__(self, flags: Path) -> None:
        if flags.is_file():
            provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(flags))
            api.set_provider_and_wait(provider)
        self._client = api.get_client()

    def asked(self, user: str, now: datetime) -> Mapping[str, Any]:
        """What the flag has for a user. Without `now`, which rehearsals need, the clock's time counts."""
        context = EvaluationContext(user, {"now": int(now.timestamp())})
        value = self._client.get_object_value("home-feed", DEFAULT, context)
        assert isinstance(value, Mapping)
        return value


@dataclass(frozen=True)
class Visits:
    """Those of one day: users by their numbers, and the seconds at which they came."""

    users: np.ndarray
    seconds: np.ndarray


def visits(day: datetime) -> Visits:
    rng = _generator("visits", day)
    users = np.flatnonzero(rng.random(USERS) < COMES)
    return Visits(users, rng.uniform(0, 86_400, users.size))


def reactions(config: Mapping[str, float], users: np.ndarray, day: datetime) -> dict[str, np.ndarray]:
    """What users do whom a config ranks for: minutes watched, items hidden and shown. Clickbait is opened
    more often, finished less often, and hidden; whoever likes the feed watches more of everything."""
    bait, appeal, mood, patience = (drawn[users] for drawn in _drawn(day))
    p_click = np.clip(0.3 * appeal + 0.7 * bait, 0, 1)
    p_finish = np.clip(0.9 * appeal * (1 - 0.8 * bait), 0, 1)
    score = p_click + config["w_finish"] * p_finish - config["w_bait"] * bait
    top = np.argsort(-score, axis=1)[:, :SHOWN]
    taste = _generator("taste", FIRST).lognormal(0, 0.5, USERS)[users]
    finished = np.take_along_axis(p_click**0.3 * p_finish, top, 1).sum(1)
    hidden = patience < 0.4 * np.take_along_axis(bait, top, 1)
    watched = 8 * taste * mood * finished
    return {
        "watch": watched,
        "hide": hidden.sum(1).astype(float),
        "impression": np.full(users.size, 1.0 * SHOWN),
    }


@lru_cache(maxsize=1)
def _drawn(day: datetime) -> tuple[np.ndarray, ...]:
    """What a day's chance is, the same for whatever config: each user's candidates, mood and patience."""
    rng, candidates = _generator("reactions", day), (USERS, ITEMS)
    bait, appeal = rng.beta(0.5, 1.5, candidates), rng.beta(2, 2, candidates)
    return bait, appeal, rng.lognormal(0, 0.3, USERS), rng.random((USERS, SHOWN))


def play(day: datetime, feed: Feed) -> tuple[list[pa.Table], list[pa.Table]]:
    """One day: who comes is served what the flag has, and does what that makes people do. Returns exposures
    and events."""
    came = visits(day)
    exposures: list[tuple[str, str, str, datetime]] = []
    served: dict[str, list[int]] = defaultdict(list)
    for place, (user, second) in enumerate(zip(came.users, came.seconds, strict=True)):
        name, now = f"user-{user}", day + timedelta(seconds=float(second))
        value = feed.asked(name, now)
        served[json.dumps(value["config"], sort_keys=True)].append(place)
        if value["experiment"] is not None:
            exposures.append((value["experiment"], value["arm"], name, now.replace(tzinfo=None)))
    logged = [_table(EXPOSURES, list(zip(*exposures, strict=True)))] if exposures else []
    return logged, [
        table
        for config, places in served.items()
        for table in _events(day, came.users[places], came.seconds[places], json.loads(config))
    ]


def keep(path: Path, day: datetime, exposures: list[pa.Table], events: list[pa.Table]) -> None:
    """All of a day, or nothing. The file is open for no longer than that, since nobody can read it then."""
    with duckdb.connect(path) as database:
        database.begin()
        database.execute("insert into days values (?)", [day.replace(tzinfo=None)])
        for name, tables in (("exposures", exposures), ("events", events)):
            for made in tables:  # noqa: B007  (DuckDB sees it by its name)
                database.execute(f"insert into {name} select * from made")
        database.commit()


def main(until: datetime) -> None:
    """Make the days before `until` that are not there yet."""
    folder, parent = Path(__file__).parent, os.getppid()
    path = folder / "events.duckdb"
    with FileLock(folder / "traffic.lock"):
        with duckdb.connect(path) as database:
            database.execute(TABLES)
            (last,) = database.execute("select max(day) from days").fetchone() or (None,)
        feed, day = Feed(folder / "flags.json"), FIRST if last is None else last.replace(tzinfo=UTC) + DAY
        while day + DAY <= until:
            made = play(day, feed)
            if os.getppid() != parent:  # whoever wanted it was killed
                break
            keep(path, day, *made)
            day += DAY
    api.shutdown()


def _events(
    day: datetime, users: np.ndarray, seconds: np.ndarray, config: Mapping[str, float]
) -> Iterator[pa.Table]:
    at = np.datetime64(day.replace(tzinfo=None), "us") + (seconds * 1e6).astype("timedelta64[us]")
    names = np.char.add("user-", users.astype(str))
    for name, values in reactions(config, users, day).items():
        ids = np.char.add(f"{day:%Y%m%d}-{name}-", users.astype(str))
        yield _table(EVENTS, [ids, names, np.full(users.size, name), values, at, at])


def _table(names: tuple[str, ...], columns: list[Any]) -> pa.Table:
    return pa.table([pa.array(column) for column in columns], names=list(names))


def _generator(what: str, day: datetime) -> np.random.Generator:
    """Of its own for each day: whoever makes a day again makes the same."""
    return np.random.default_rng([len(what), (day - FIRST).days])


if __name__ == "__main__":
    until = datetime.fromisoformat(sys.argv[1])
    main(until if until.tzinfo else until.replace(tzinfo=UTC))
