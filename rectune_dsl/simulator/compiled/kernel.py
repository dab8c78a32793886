"""The kernels that make log-odds and heads: all requests of a chunk in turn, all responses of each.

Sums are made in the order and precision of `simulator.scores.PlainScores`, so log-odds are the same to the
last bit. What kernels take:

`items` (responses, pools, candidates) the items' parts and `topics` (pools, candidates); `normals` the table
of `keyed.Noise`; `pools` (requests,); `tastes` (requests, topics); `chemistry` (2, requests), where
attraction and satisfaction start in `normals`; `alive` (requests, kept), who of a pool's candidates it is,
or (requests, 0) for all of them; `which` (heads,) of the responses; `weights` (heads, 3) of taste, attraction
and satisfaction; `prone` (heads, requests).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled.jit import kernel, prefetch
from rectune_dsl.simulator.compiled.mathematics import inlined, sigmoid

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

TASTE, ATTRACTION, SATISFACTION = 0, 1, 2
"""Columns of `weights`, and rows of scratch space."""
SLOPE, SHIFT, OWN, SHARED = 0, 1, 2, 3
"""Columns of `views`."""
_ITEM, _ERROR, _COMMON, _ROWS = 3, 4, 5, 6
_FLOAT, _LINE = 4, 64
"""Bytes of a float32, and of a cache line."""

_TABLES = "float32[:,:,::1], int64[:,::1], float32[::1]"
_REQUESTS = "int64[::1], float32[:,::1], int64[:,::1], int64[:,::1]"
_RESPONSES = "int64[::1], float32[:,::1], float32[:,::1]"
_ERRORS = "int64[:,::1], int64[::1], float32[:,::1]"


@inlined
def _of(row: Floats, alive: Integers, scratch: Floats) -> Floats:
    """The numbers of those that are alive."""
    if alive.size == 0:
        return row
    for i in range(alive.size):
        scratch[i] = row[alive[i]]
    return scratch


@inlined
def _tastes_for(tastes: Floats, topics: Integers, alive: Integers, to: Floats) -> None:
    if alive.size == 0:
        for i in range(to.size):
            to[i] = tastes[topics[i]]
    else:
        for i in range(alive.size):
            to[i] = tastes[topics[alive[i]]]


@kernel("void(float32[::1], float32[::1], float32[::1], float32[::1], float32[::1], float32, float32[::1])")
def _add_up(
    item: Floats,
    attraction: Floats,
    satisfaction: Floats,
    taste: Floats,
    of: Floats,
    prone: float,
    to: Floats,
) -> None:
    """True log-odds of a response, by candidate; `of` are its weights."""
    by_taste, by_attraction, by_satisfaction = of[TASTE], of[ATTRACTION], of[SATISFACTION]
    for i in range(to.size):
        chemistry = (item[i] + attraction[i] * by_attraction) + satisfaction[i] * by_satisfaction
        to[i] = (chemistry + taste[i] * by_taste) + prone


@kernel("void(float32[::1], float32[::1], float32[::1], float32[::1])")
def _see(error: Floats, common: Floats, view: Floats, to: Floats) -> None:
    """From true log-odds to what a model says, in place."""
    slope, shift, own, shared = view[SLOPE], view[SHIFT], view[OWN], view[SHARED]
    for i in range(to.size):
        to[i] = sigmoid((to[i] * slope + shift) + (error[i] * own + common[i] * shared))


@inlined
def _prepare(row: Floats) -> None:
    """Have memory bring a row of the next request while this one is worked on: rows stand anywhere."""
    first = row.ctypes.data
    for at in range(0, row.size * _FLOAT, _LINE):
        prefetch(first + at)


@inlined
def _latents(
    topics: Integers, normals: Floats, tastes: Floats, drawn: int, liked: int, alive: Integers, space: Floats
) -> tuple[Floats, Floats, Floats]:
    """A request's attraction, satisfaction and taste, by candidate: all responses share them."""
    taste = space[TASTE]
    _tastes_for(tastes, topics, alive, taste)
    attraction = _of(normals[drawn : drawn + topics.size], alive, space[ATTRACTION])
    satisfaction = _of(normals[liked : liked + topics.size], alive, space[SATISFACTION])
    return attraction, satisfaction, taste


@kernel(f"void({_TABLES}, {_REQUESTS}, {_RESPONSES}, float32[:,:,::1])")
def log_odds(
    items: Floats,
    topics: Integers,
    normals: Floats,
    pools: Integers,
    tastes: Floats,
    chemistry: Integers,
    alive: Integers,
    which: Integers,
    weights: Floats,
    prone: Floats,
    to: Floats,
) -> None:
    """True log-odds, (heads, requests, kept)."""
    space = np.empty((_ROWS, to.shape[2]), np.float32)
    for request in range(pools.size):
        pool, own = pools[request], alive[request]
        drawn, liked = chemistry[0, request], chemistry[1, request]
        after = min(request + 1, pools.size - 1)
        a, s, t = _latents(topics[pool], normals, tastes[request], drawn, liked, own, space)
        for head in range(which.size):
            item = _of(items[which[head], pool], own, space[_ITEM])
            _add_up(item, a, s, t, weights[head], prone[head, request], to[head, request])
            _prepare(items[which[head], pools[after]])


@kernel(f"void({_TABLES}, {_REQUESTS}, {_RESPONSES}, {_ERRORS}, float32[:,:,::1])")
def predictions(
    items: Floats,
    topics: Integers,
    normals: Floats,
    pools: Integers,
    tastes: Floats,
    chemistry: Integers,
    alive: Integers,
    which: Integers,
    weights: Floats,
    prone: Floats,
    errors: Integers,
    shared: Integers,
    views: Floats,
    to: Floats,
) -> None:
    """What models say, (heads, requests, kept). `errors` (heads, requests) is where each model's own errors
    start in `normals`, `shared` (requests,) where those that all have together do; `views` (heads, 4) are
    slope, shift, and the noise of own and of shared errors of each."""
    space = np.empty((_ROWS, to.shape[2]), np.float32)
    for request in range(pools.size):
        pool, own = pools[request], alive[request]
        drawn, liked = chemistry[0, request], chemistry[1, request]
        after = min(request + 1, pools.size - 1)
        a, s, t = _latents(topics[pool], normals, tastes[request], drawn, liked, own, space)
        common = _of(normals[shared[request] : shared[request] + topics.shape[1]], own, space[_COMMON])
        _prepare(normals[shared[after] : shared[after] + topics.shape[1]])
        for head in range(which.size):
            item = _of(items[which[head], pool], own, space[_ITEM])
            start, seen = errors[head, request], to[head, request]
            _add_up(item, a, s, t, weights[head], prone[head, request], seen)
            error = _of(normals[start : start + topics.shape[1]], own, space[_ERROR])
            _see(error, common, views[head], seen)
            _prepare(items[which[head], pools[after]])
            _prepare(normals[errors[head, after] : errors[head, after] + topics.shape[1]])
