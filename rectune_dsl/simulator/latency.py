"""How long a request takes: every stage pays for the candidates that it scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config
from rectune_dsl.simulator.requests import Requests

BASE_MS = 20.0
MS_PER_CANDIDATE = {"pre_ranking": 0.02, "re_ranking": 0.4}
"""What a stage takes per candidate it scores."""
FULL_MS_PER_CANDIDATE = 0.3
"""The same for any other stage: it is served by the full models."""


def latency_ms(funnel: Funnel, config: Config, requests: Requests) -> NDArray[np.float32]:
    """Milliseconds of each request, (requests,): what its candidates cost, times the user's connection."""
    scored = (requests.candidates, *funnel.keeps(config)[:-1])
    cost = BASE_MS + sum(
        MS_PER_CANDIDATE.get(stage, FULL_MS_PER_CANDIDATE) * min(count, requests.candidates)
        for stage, count in zip(funnel.stages, scored, strict=True)
    )
    return np.float32(cost) * requests.users.latency
