"""The client of the platform: a single-file plugin, as a team would write one.

What is done goes over HTTP to `PLATFORM`, a URL in the environment. What is observed follows from the
experiment's specification alone, so that it is the same whenever it is asked for.
"""

import hashlib
import json
import os
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import (
    ArmMoments,
    BackendContext,
    Capabilities,
    Config,
    ExperimentSpec,
    Moments,
)
from rectune_dsl.hooks.specs import hookimpl

COLUMNS = ("gain", "harm")
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)


@hookimpl
def rectune_register_backends(register: Callable[[str, object], None]) -> None:
    register("platform", PlatformBackend)


class PlatformBackend:
    def __init__(self, context: BackendContext) -> None:
        self._space = Space(context.task)
        self._specs: dict[str, ExperimentSpec] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities(
            metrics=COLUMNS,
            signals=None,
            keys=(),
            virtual_time=True,
            randomises=True,
            real_traffic=True,
            population=10_000_000,
            description="a platform outside of the process",
        )

    def check(self) -> list[str]:
        return []

    def create(self, spec: ExperimentSpec, key: str) -> str:
        experiment = str(_post("create", key=key, step=spec.salt))
        self._specs[experiment] = spec
        return experiment

    def start(self, experiment: str) -> None:
        _post("start", experiment=experiment)

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        _post("expose", experiment=experiment)

    def stop(self, experiment: str, outcome: str) -> None:
        _post("stop", experiment=experiment)

    def deliver(self, config: Config) -> None:
        _post("deliver", config=dict(config.values))

    def rollback(self) -> None:
        _post("rollback")

    def baseline(self, days: int) -> Moments:
        arm = self._arm("control", np.ones(2), 20_000, "baseline")
        return Moments(EPOCH + timedelta(days=days), COLUMNS, (arm,))

    def observe(self, experiment: str, as_of: datetime) -> Moments:
        spec = self._specs[experiment]
        days = min((as_of - spec.start) / timedelta(days=1), spec.days)
        users = int(spec.users_per_arm * min(1, 0.5 + 0.5 * days / spec.days))
        arms = tuple(
            self._arm(arm.name, 1 + self._lifts(arm.config), users, f"{spec.salt}/{days}")
            for arm in spec.arms
        )
        return Moments(as_of, COLUMNS, arms)

    def _lifts(self, config: Config) -> NDArray[np.float64]:
        """The truth: the gain is largest at .7 of each range, harm grows with the first param."""
        point, start = self._space.to_unit(config.values), self._space.production
        gain = 0.2 * float(((start - 0.7) ** 2).sum() - ((point - 0.7) ** 2).sum())
        return np.array([gain, 0.02 * float(point[0] - start[0])])

    def _arm(self, name: str, mean: NDArray[np.float64], users: int, occasion: str) -> ArmMoments:
        digest = hashlib.sha256(f"{occasion}/{name}".encode()).digest()
        rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
        seen = mean + 0.5 / np.sqrt(users) * rng.normal(size=2)
        products = users * (np.outer(seen, seen) + 0.25 * np.eye(2))
        sums = tuple(float(x) for x in users * seen)
        return ArmMoments(name, users, users, sums, tuple(map(tuple, products.tolist())))


def _post(what: str, **told: object) -> object:
    request = urllib.request.Request(f"{os.environ['PLATFORM']}/{what}", json.dumps(told).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
