"""Heads in plain NumPy: what an engineer writes by hand for a world of this kind.

float32 throughout, chunks that stay in cache, and arithmetic in place. Normal numbers are either drawn with a
counter-based generator, as one would, or read from the world's table, as rectune does: then the heads are
those of rectune.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 64
ATTRACTION, SATISFACTION = "attraction", "satisfaction"

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Normals = Callable[[str], Floats]
"""Standard normal numbers by what they are for, (requests, candidates) of a chunk: a fresh array."""
Source = Callable[[slice], Normals]
"""Those of a chunk of requests."""


@dataclass(frozen=True)
class Response:
    """The items' part of a response's log-odds (pools, candidates), what taste and the two chemistries weigh
    in them, and how prone users are to it (requests,)."""

    items: Floats
    taste: np.float32
    attraction: np.float32
    satisfaction: np.float32
    prone: Floats


@dataclass(frozen=True)
class Model:
    """How a model sees log-odds z: `slope * z + shift + own * error + shared * common error`."""

    slope: float
    shift: float
    own: float
    shared: float


@dataclass(frozen=True, eq=False)
class Occasions:
    """Requests with their `pools` (requests,) and `tastes` (requests, topics); `topics` (pools, candidates)
    are the items'; `models` see `responses`, by stage and response."""

    pools: Indices
    tastes: Floats
    topics: Indices
    responses: Mapping[str, Response]
    models: Mapping[str, Mapping[str, Model]]


def heads(of: Occasions, source: Source) -> Iterator[list[Floats]]:
    """Chunk by chunk the heads (requests, candidates) of every stage's every response."""
    for start in range(0, of.pools.size, CHUNK):
        chunk = slice(start, start + CHUNK)
        normals = source(chunk)
        true = _log_odds(of, chunk, normals)
        yield [head for stage in of.models for head in _seen(stage, of.models[stage], true, normals)]


def drawn(seed: int, candidates: int) -> Source:
    """Normals of a generator per chunk."""

    def of(chunk: slice) -> Normals:
        rng = np.random.Generator(np.random.Philox(key=[seed, chunk.start]))
        return lambda what: rng.standard_normal((chunk.stop - chunk.start, candidates), np.float32)

    return of


def read(table: Floats, starts: Mapping[str, Indices], candidates: int) -> Source:
    """Stretches of a table that begin at `starts` (requests,)."""
    windows = np.lib.stride_tricks.sliding_window_view(table, candidates)
    return lambda chunk: lambda what: windows[starts[what][chunk]]


def _log_odds(of: Occasions, chunk: slice, normals: Normals) -> dict[str, Floats]:
    """True log-odds by response: both stages look at them."""
    pools = of.pools[chunk]
    taste = np.take_along_axis(of.tastes[chunk], of.topics[pools], axis=1)
    attraction, satisfaction = normals(ATTRACTION), normals(SATISFACTION)
    found = {}
    for name, response in of.responses.items():
        logits = response.items[pools]
        logits += attraction * response.attraction
        logits += satisfaction * response.satisfaction
        logits += taste * response.taste
        logits += response.prone[chunk, None]
        found[name] = logits
    return found


def _seen(
    stage: str, models: Mapping[str, Model], true: Mapping[str, Floats], normals: Normals
) -> Iterator[Floats]:
    common = normals(stage)
    for name, model in models.items():
        logits = true[name] * np.float32(model.slope)
        logits += np.float32(model.shift)
        error = normals(f"{stage}/{name}")
        error *= np.float32(model.own)
        logits += error
        logits += common * np.float32(model.shared)
        np.negative(logits, out=logits)
        np.exp(logits, out=logits)
        logits += np.float32(1)
        yield np.reciprocal(logits, out=logits)
