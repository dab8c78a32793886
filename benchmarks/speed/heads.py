"""Score generation: 18 heads of 1,000 candidates, nine responses as the models of two stages see them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from unittest import mock

import numpy as np

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import World, build_world
from speed import cores, heads_by_hand
from speed.figures import Figure, Options, alternating, rate, ratio

CANDIDATES = 1_000
STAGES = ("pre_ranking", "ranking")
CHUNK = 128
GOAL_KERNEL, GOAL_NUMPY = 4.0, 1.0
APART = 1e-6
"""What heads of the two readers may differ by: last bits of exponentials."""
ROUNDS = 3
"""Per seed."""


@dataclass(frozen=True, eq=False)
class Contender:
    """All heads of requests of the world, made by one kernel in some threads."""

    world: World
    requests: int
    seed: int
    kernel: str
    threads: int

    def __call__(self) -> None:
        starts = range(0, self.requests, CHUNK)
        with mock.patch.dict(os.environ, {VARIABLE: self.kernel}), ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(self._chunk, starts))

    def first(self) -> np.ndarray:
        with mock.patch.dict(os.environ, {VARIABLE: self.kernel}):
            return np.stack([head for stage in self._made(0) for head in stage.values()])

    def _chunk(self, start: int) -> None:
        self._made(start)

    def _made(self, start: int) -> list[Mapping[str, np.ndarray]]:
        ids = np.arange(start, min(start + CHUNK, self.requests), dtype=np.int64)
        requests = Requests(self.world, self.world.users(ids), self.seed, 0)
        return [requests.signals(stage, tuple(self.world.heads), None) for stage in STAGES]


def figures(options: Options) -> list[Figure]:
    requests = 1_024 if options.quick else 2_048
    world = build_world(Simulator(candidates=CANDIDATES))
    seconds: dict[str, list[float]] = {}
    apart = 0.0
    for seed in range(options.seeds):
        contenders = _contenders(world, requests, seed)
        apart = max(apart, _apart(contenders))
        everyone: dict[str, Callable[[], object]] = {
            "reference": _by_hand(world, requests, seed),
            **contenders,
            **cores.hashing(),
        }
        for name, times in alternating(everyone, ROUNDS).items():
            seconds.setdefault(name, []).extend(times)
    close = Figure("heads, kernel and NumPy apart at most", apart, "", f"<= {APART:g}", apart <= APART)
    return [*_speeds(seconds, requests), close]


def _kernels() -> tuple[str, ...]:
    return ("numpy", "numba") if find_spec("numba") else ("numpy",)


def _contenders(world: World, requests: int, seed: int) -> dict[str, Contender]:
    found = {kernel: Contender(world, requests, seed, kernel, 1) for kernel in _kernels()}
    if cores.several():
        found |= {f"{k}, two threads": Contender(world, requests, seed, k, 2) for k in _kernels()}
    return found


def _by_hand(world: World, requests: int, seed: int) -> Callable[[], object]:
    pools, rng = world.pools, np.random.default_rng(seed)
    items = pools.log_odds.reshape(len(pools.responses), -1, CANDIDATES)
    both = np.concatenate([items] * len(STAGES))
    topics = pools.topic.reshape(-1, CANDIDATES)
    chosen = rng.integers(0, topics.shape[0], requests)
    tastes = rng.standard_normal((requests, world.topics), np.float32)

    def run() -> None:
        for _ in heads_by_hand.heads(both, topics, tastes, chosen, seed):
            pass

    return run


def _apart(contenders: Mapping[str, Contender]) -> float:
    found = [contender.first() for contender in contenders.values() if contender.threads == 1]
    return max(float(np.abs(one - found[0]).max()) for one in found)


def _speeds(seconds: Mapping[str, list[float]], requests: int) -> list[Figure]:
    found = [rate(f"heads, {n}", times, requests) for n, times in seconds.items() if "hash" not in n]
    goals = {"numpy": GOAL_NUMPY, "numba": GOAL_KERNEL}
    for kernel in _kernels():
        name = f"heads, {kernel} over reference, per core"
        found.append(ratio(name, seconds["reference"], seconds[kernel], goals[kernel]))
    if cores.several():
        fastest = _kernels()[-1]
        two = seconds[f"{fastest}, two threads"]
        found += [cores.gain(f"heads, {fastest}", seconds[fastest], two), cores.spare("heads", seconds)]
    return found
