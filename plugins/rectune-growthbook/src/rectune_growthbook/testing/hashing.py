"""How GrowthBook's SDKs hash users: FNV-1a of 32 bits, in two versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def fnv1a32(text: str) -> int:
    """Of ASCII text."""
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def place(seed: str, user: str, version: int) -> float:
    """A user's hash, from 0 to before 1."""
    if version == 2:
        return (fnv1a32(str(fnv1a32(seed + user))) % 10_000) / 10_000
    return (fnv1a32(user + seed) % 1000) / 1000


class Places:
    """The hashes of many users, each seed's computed once."""

    def __init__(self, users: Sequence[str]) -> None:
        self._users = users
        self._known: dict[tuple[str, int], Floats] = {}

    def of(self, seed: str, version: int) -> Floats:
        if (seed, version) not in self._known:
            self._known[seed, version] = np.array([place(seed, user, version) for user in self._users])
        return self._known[seed, version]


def bucket_ranges(coverage: float, weights: Sequence[float]) -> list[tuple[float, float]]:
    """The range of hashes of every variation."""
    ranges, start = [], 0.0
    for weight in weights:
        ranges.append((start, start + coverage * weight))
        start += weight
    return ranges


def variations(rule: Mapping[str, Any], places: Places, users: Ints, now: Floats, clock: str) -> Ints:
    """The variation of each of some users under an experiment's rule, at the times they bring along; -1 for
    those whom it does not serve."""
    taken = np.ones(users.size, dtype=bool)
    for attribute, limits in rule.get("condition", {}).items():
        assert attribute == clock, f"the server's users have no attribute {attribute}"
        taken &= (now >= limits.get("$gte", -np.inf)) & (now < limits.get("$lt", np.inf))
    if "namespace" in rule:
        name, low, high = rule["namespace"]
        at = places.of("__" + name, 1)[users]
        taken &= (at >= low) & (at < high)
    found = np.full(users.size, -1)
    hashed = places.of(rule["seed"], rule["hashVersion"])[users]
    for number, (low, high) in enumerate(bucket_ranges(rule["coverage"], rule["weights"])):
        found[taken & (hashed >= low) & (hashed < high)] = number
    return found
