"""Which configs are safe enough to test, also where production itself breaks a guardrail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from rectune_dsl.agents import words
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, Surrogate
from rectune_dsl.surrogate.limits import standard_room

Array = NDArray[np.float64]


class Safety:
    """A config is safe if P(all guardrails hold) is at least the floor, 1 - risk where nothing else is said.

    Where production lies below the floor, nothing near it can be safe. Then a config may be tested if it is
    likelier than production to keep what production breaks, and no worse on the other guardrails.
    `broken` are the guardrails that production is not likely enough to keep.
    """

    def __init__(self, task: Task, surrogate: Surrogate, floor: float | None = None) -> None:
        self.floor = 1.0 - task.experiment.risk if floor is None else floor
        self._task = task
        self._surrogate = surrogate
        production = self._log_chances([Config(task.production)])
        here = {metric: float(logs[0]) for metric, logs in production.items()}
        self.broken: dict[str, Limit] = {}
        if sum(here.values()) < np.log(self.floor):
            weakest = min(here, key=lambda metric: here[metric])
            broken = [m for m, log in here.items() if log < np.log(self.floor)] or [weakest]
            self.broken = {metric: task.guarded[metric] for metric in broken}
        self._start = sum(here[metric] for metric in self.broken)
        others = sum(log for metric, log in here.items() if metric not in self.broken)
        self._others = min(float(np.log(self.floor)), others)

    def mending(self, configs: Sequence[Config]) -> Array:
        """How likely each config is to keep what production breaks, (configs,), in (0, 1] and increasing in
        that chance; -1 for those that may not be tested for it."""
        if not self.broken:
            return np.full(len(configs), -1.0)
        logs = self._log_chances(configs)
        mended = np.sum([logs[metric] for metric in self.broken], axis=0)
        others = np.sum([logs[m] for m in logs if m not in self.broken] or [np.zeros(len(configs))], axis=0)
        allowed = (mended > self._start) & (others >= self._others)
        return np.where(allowed, 1.0 / (1.0 - mended), -1.0)  # chances as small as 1e-300 still have an order

    def __str__(self) -> str:
        """`production itself is at latency_ms 130 against <= 120`; empty where it keeps all guardrails."""
        if not self.broken:
            return ""
        means, _ = self._surrogate.predict([Config(self._task.production)])
        at = dict(zip(self._surrogate.metrics, means[0], strict=True))
        parts = [
            f"{metric} {words.percent(at[metric]) if limit.relative else f'{at[metric]:.4g}'} against {limit}"
            for metric, limit in self.broken.items()
        ]
        return f"production itself is at {words.listed(parts)}"

    def _log_chances(self, configs: Sequence[Config]) -> dict[str, Array]:
        """Per guardrail the logarithm of the chance that it holds, (configs,)."""
        means, sds = self._surrogate.predict(configs)
        found = {}
        for metric, limit in self._task.guarded.items():
            column = self._surrogate.metrics.index(metric)
            found[metric] = np.asarray(log_ndtr(standard_room(limit, means[:, column], sds[:, column])))
        return found


class Mending:
    """What configs are worth where production breaks a guardrail: see `Safety.mending`."""

    def __init__(self, safety: Safety, configs: Sequence[Config]) -> None:
        self._worth = np.maximum(safety.mending(configs), 0.0)

    def gains(self) -> Array:
        return self._worth

    def take(self, index: int) -> None:
        """One that is taken makes no other less likely to mend it."""
