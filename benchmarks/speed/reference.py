"""The funnel of `speed.funnel` in plain NumPy: what an engineer writes by hand for this one funnel.

float32 throughout, chunks that stay in cache, partial sorts instead of whole ones, and only what the next
stage needs is gathered.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

CHUNK = 512

Heads = Mapping[str, NDArray[np.float32]]
Positions = NDArray[np.intp]


def slates(heads: Heads, w: Mapping[str, float]) -> tuple[Positions, NDArray[np.float32]]:
    """Candidates and scores of every request, best first: (requests, 10)."""
    requests = heads["p_click"].shape[0]
    parts = [
        _chunk({name: head[start : start + CHUNK] for name, head in heads.items()}, w)
        for start in range(0, requests, CHUNK)
    ]
    return np.concatenate([p for p, _ in parts]), np.concatenate([s for _, s in parts])


def _chunk(heads: Heads, w: Mapping[str, float]) -> tuple[Positions, NDArray[np.float32]]:
    score = heads["p_click"] ** w["a_click"] * heads["p_long_view"] ** w["a_long"]
    alive = np.argpartition(-score, 200, axis=1)[:, :200]
    p = {name: np.take_along_axis(head, alive, 1) for name, head in heads.items()}
    score = (
        p["p_click"] ** w["b_click"] * p["p_long_view"] ** w["b_long"]
        + w["w_like"] * np.log1p(p["p_like"])
        + w["w_share"] * p["p_share"] ** w["b_share"]
        + w["w_follow"] * np.log(p["p_follow"])
        - w["w_hate"] * p["p_hate"]
    )
    best = np.argpartition(-score, 50, axis=1)[:, :50]
    score, alive = np.take_along_axis(score, best, 1), np.take_along_axis(alive, best, 1)
    like, hate = (np.take_along_axis(p[name], best, 1) for name in ("p_like", "p_hate"))
    score = score + w["v_like"] * like - w["v_hate"] * hate ** w["c_hate"]
    best = np.argpartition(-score, 10, axis=1)[:, :10]
    score, alive = np.take_along_axis(score, best, 1), np.take_along_axis(alive, best, 1)
    order = np.argsort(-score, axis=1)
    return np.take_along_axis(alive, order, 1), np.take_along_axis(score, order, 1)
