"""A house's own platform, as small as can be: a service that decides what a user is served, and its tables.

It stands for what you have. A user's place is a hash: one decides whether the user takes part at all (the
gate, which a ramp opens), another in which arm (the split, which nothing moves).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from functools import lru_cache
from typing import Any

SCHEMA = """
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE, flag TEXT, starts TEXT, fingerprint TEXT,
    state TEXT DEFAULT 'made', open REAL DEFAULT 1.0, stopped TEXT DEFAULT '[]');
CREATE TABLE production (now TEXT, before TEXT);
CREATE TABLE people (user TEXT, household TEXT);
CREATE TABLE exposures (experiment INTEGER, user TEXT, arm TEXT, at TEXT, PRIMARY KEY (experiment, user));
CREATE TABLE visits (user TEXT, at TEXT, minutes REAL, clicks REAL);
CREATE TABLE purchases (user TEXT, at TEXT, recorded TEXT, amount REAL);
CREATE TABLE loaded (until TEXT);
"""


class House:
    """The platform at an address, which has a password in it, as such addresses do."""

    def __init__(self, url: str, production: dict[str, float]) -> None:
        self.url = url
        self.is_down = False
        self.tables = sqlite3.connect(":memory:", isolation_level=None)
        self.tables.executescript(SCHEMA)
        self.tables.execute("INSERT INTO production VALUES (?, ?)", [json.dumps(production)] * 2)
        HOUSES[url] = self

    def running(self, now: str) -> list[tuple[int, str, float, str]]:
        """The experiments that users are served now: id, flag, how far the gate is open, stopped arms."""
        sql = "SELECT id, flag, open, stopped FROM experiments WHERE state = 'runs' AND starts <= ?"
        return self.tables.execute(sql, [now]).fetchall()

    def query(self, sql: str, *values: Any) -> list[Any]:
        if self.is_down:
            raise ConnectionError(f"lost the connection to {self.url}")
        return self.tables.execute(sql, values).fetchall()


HOUSES: dict[str, House] = {}
"""By their addresses."""


def connect(url: str) -> House:
    """What a driver does: where it cannot connect, it tells the whole address."""
    if url not in HOUSES:
        raise ConnectionError(f"cannot connect to {url}")
    return HOUSES[url]


def arm_of(flag: dict[str, Any], opened: float, stopped: list[str], unit: str) -> str | None:
    """The arm that a unit (a user or a household) is served; None where it is served production, because it
    takes no part."""
    if any(place(used, unit) < share for used, share in flag["fresh_of"]):
        return None
    if flag["slot"]:
        layer, low, high = flag["slot"]
        if not low <= place(layer, unit) < high:
            return None
    if place(f"holdout/{flag['surface']}", unit) < flag["holdout_share"]:
        takes_part = flag["holdout"] and place(flag["salt"], unit) < flag["holdout"] * opened
        return "holdout" if takes_part else None
    if place(flag["salt"], unit) >= flag["share"] * opened:
        return None
    names = [name for name in flag["arms"] if name != "holdout"]
    arm = names[int(place(f"{flag['salt']}/split", unit) * len(names))]
    return None if arm in stopped else arm


@lru_cache(maxsize=1 << 18)
def place(salt: str, unit: str) -> float:
    """Where a unit lies in [0, 1) under a salt."""
    digest = hashlib.blake2b(f"{salt}\n{unit}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
