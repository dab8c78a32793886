"""Randomness keyed by what it stands for: the same key gives the same draw, whoever asks and when.

Tables are drawn with numpy's counter-based Philox generator. Draws of users and requests are read from
such tables at hashed places, which costs a copy instead of a generator per request.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Bits = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key_of(*parts: str | int) -> int:
    """A 64-bit key for what the parts name together."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def generator(*parts: str | int) -> np.random.Generator:
    """A Philox generator for what the parts name together."""
    return np.random.Generator(np.random.Philox(key=key_of(*parts)))


def hashed(key: int, ids: Ids) -> Bits:
    """64 well-mixed bits per id (the output function of SplitMix64: Steele, Lea and Flood 2014)."""
    bits = ids.astype(np.uint64)
    bits *= _GOLDEN
    bits += np.uint64(key)
    bits ^= bits >> np.uint64(30)
    bits *= _FIRST
    bits ^= bits >> np.uint64(27)
    bits *= _SECOND
    bits ^= bits >> np.uint64(31)
    return bits


def uniform(key: int, ids: Ids) -> NDArray[np.float64]:
    """One number in [0, 1) per id."""
    return (hashed(key, ids) >> np.uint64(11)).astype(np.float64) * np.float64(2.0**-53)


class Noise:
    """A table of random numbers, read at hashed places.

    `starts` are where a key's and id's stretch of the table begins; stretches are at most `WIDEST` long.
    Two ids share a stretch with a chance of one in a million, so draws are independent but for the
    table's own sampling error, which is common to all arms.
    """

    LENGTH = 1 << 20
    WIDEST = 1 << 15

    def __init__(self, table: NDArray[np.float32]) -> None:
        self.table = np.concatenate([table, table[: self.WIDEST]])

    @classmethod
    def normal(cls, *parts: str | int) -> Noise:
        return cls(generator(*parts, "normal").standard_normal(cls.LENGTH, dtype=np.float32))

    @classmethod
    def uniform(cls, *parts: str | int) -> Noise:
        return cls(generator(*parts, "uniform").random(cls.LENGTH, dtype=np.float32))

    def starts(self, key: int, ids: Ids) -> NDArray[np.intp]:
        return (hashed(key, ids) & np.uint64(self.LENGTH - 1)).astype(np.intp)

    def one(self, key: int, ids: Ids) -> NDArray[np.float32]:
        """One number per id."""
        return self.table.take(self.starts(key, ids))

    def stretch(self, starts: NDArray[np.intp], width: int) -> NDArray[np.float32]:
        """The first `width` numbers from each start: (ids, width)."""
        return np.lib.stride_tricks.sliding_window_view(self.table, width)[starts]
