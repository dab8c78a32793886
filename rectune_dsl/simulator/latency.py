"""How long a request takes: every stage pays for the candidates that it scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.simulator.requests import Requests


def latency_ms(stages: tuple[str, ...], keeps: tuple[int, ...], requests: Requests) -> NDArray[np.float32]:
    """Milliseconds of each request, (requests,): what its candidates cost, times the user's connection.
    `keeps` is what each of the `stages` keeps."""
    of = requests.world.file.latency
    per_candidate = {"pre_ranking": of.early, "re_ranking": of.late}
    scored = (requests.candidates, *keeps[:-1])
    cost = of.base + sum(
        per_candidate.get(stage, of.full) * min(count, requests.candidates)
        for stage, count in zip(stages, scored, strict=True)
    )
    return np.float32(cost) * requests.users.latency
