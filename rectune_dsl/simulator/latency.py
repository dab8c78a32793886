"""How long a request takes: every stage pays for the candidates that it scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config
from rectune_dsl.simulator.requests import Requests

def latency_ms(funnel: Funnel, config: Config, requests: Requests) -> NDArray[np.float32]:
    """Milliseconds of each request, (requests,): what its candidates cost, times the user's connection."""
    of = requests.world.file.latency
    per_candidate = {"pre_ranking": of.early, "re_ranking": of.late}
    scored = (requests.candidates, *funnel.keeps(config)[:-1])
    cost = of.base + sum(
        per_candidate.get(stage, of.full) * min(count, requests.candidates)
        for stage, count in zip(funnel.stages, scored, strict=True)
    )
    return np.float32(cost) * requests.users.latency
