"""Random numbers keyed by what they stand for, so that no part of a world depends on another's draws."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*what: object) -> np.random.Generator:
    """A counter-based generator for what the words and numbers name together."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
