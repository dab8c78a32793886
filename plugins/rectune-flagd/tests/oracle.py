"""Two ways to tell whom a flag serves what, neither of which uses the plugin's rules or flagd's code.

`evaluated` reads the JsonLogic that stands in the file. `expected` knows experiments only: the semantics of
`rectune_dsl.simulator.assignment`, with a gate and a split in place of one hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import mmh3

from rectune_dsl.hooks.api import HOLDOUT, ExperimentSpec


def hashed(text: str) -> float:
    """In [0, 1): MurmurHash3 (x86, 32 bits) of the text as CBOR has it, which is flagd's specification."""
    data = text.encode()
    size = len(data)
    if size < 24:
        head = bytes([0x60 + size])
    elif size < 1 << 8:
        head = b"\x78" + size.to_bytes(1, "big")
    else:
        head = b"\x79" + size.to_bytes(2, "big")
    return mmh3.hash(head + data, signed=False) / 2**32


def evaluated(rule: Any, context: Mapping[str, Any]) -> Any:
    """What a rule of the operations that a flag has here comes to."""
    if not isinstance(rule, dict):
        return rule
    ((operation, written),) = rule.items()
    if operation == "if":
        condition, then, otherwise = written
        return evaluated(then if evaluated(condition, context) else otherwise, context)
    if operation == "and":
        return all(evaluated(part, context) for part in written)
    if operation == "var":
        return context.get(written)
    if operation == "fractional":
        place = hashed(evaluated(written[0], context)) * sum(weight for _, weight in written[1:])
        for variant, weight in written[1:]:
            if place < weight:
                return variant
            place -= weight
        raise AssertionError("weights do not end")
    values = [evaluated(part, context) for part in written]
    results: dict[str, Any] = {
        "!": lambda: not values[0],
        "!!": lambda: bool(values[0]),
        "==": lambda: values[0] == values[1],
        ">=": lambda: values[0] >= values[1],
        "<": lambda: values[0] < values[1],
        "cat": lambda: "".join(values),
    }
    return results[operation]()


def expected(
    spec: ExperimentSpec,
    population: int,
    user: str,
    at: datetime,
    fraction: float = 1.0,
    silent: Sequence[str] = (),
) -> str | None:
    """The arm of a user in an experiment of the days from `start` on; None for whoever is served none."""

    def below(salt: str, share: float) -> bool:
        return hashed(salt + user) < round(share * 1e6) / 1e6

    if not spec.start <= at < spec.ends:
        return None
    layer = hashed(f"layer/{spec.slot.layer}/{user}") if spec.slot else 0.0
    if spec.slot and not spec.slot.low <= layer < spec.slot.high:
        return None
    if any(below(f"{used.salt}/gate/", used.share) for used in spec.fresh_of):
        return None
    gate, users = f"{spec.salt}/gate/", spec.exposure(population).share * (1 - spec.holdout_share)
    if below(f"holdout/{spec.surface}/", spec.holdout_share):
        served = [arm.name for arm in spec.arms if arm.name != HOLDOUT]
        width = users / len(served) / spec.holdout_share  # the same number of users, of whom are held
        is_arm = len(served) < len(spec.arms) and below(gate, width * fraction)
        return HOLDOUT if is_arm else None
    if not below(gate, spec.exposure(population).share * fraction):
        return None
    names = [arm.name for arm in spec.arms if arm.name != HOLDOUT]
    arm = names[int(hashed(f"{spec.salt}/split/{user}") * len(names))]
    return None if arm in silent else arm
