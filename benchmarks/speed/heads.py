"""Score generation: 18 heads of 1,000 candidates, nine responses as the models of two stages see them.

Two references in plain NumPy do the same arithmetic: one draws its normal numbers, one reads those that
rectune reads, so that its heads can be compared with rectune's. References are given users and pools, which
rectune makes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from unittest import mock

import numpy as np

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.simulator.heads import model_of
from rectune_dsl.simulator.occasion import Occasion, occasion_of
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import World, build_world
from speed import cores, heads_by_hand
from speed.figures import Figure, Options, alternating, rate, ratio

CANDIDATES = 1_000
STAGES = ("pre_ranking", "ranking")
CHUNK = 128
GOAL_KERNEL, GOAL_NUMPY, GOAL_SAME_TABLE = 4.0, 1.0, 1.0
APART = 1e-6
"""What heads of those who read the same table may differ by: last bits of sums and exponentials."""
DRAWS, READS = "reference", "reference that reads the table"
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
        references = _references(world, requests, seed)
        apart = max(apart, _apart(contenders, references[READS]))
        everyone: dict[str, Callable[[], object]] = {
            **{name: partial(_exhaust, made) for name, made in references.items()},
            **contenders,
            **cores.hashing(),
        }
        for name, times in alternating(everyone, ROUNDS).items():
            seconds.setdefault(name, []).extend(times)
    close = Figure(
        "heads, kernel, NumPy and the reference that reads apart at most",
        apart,
        "",
        f"<= {APART:g}",
        apart <= APART,
    )
    return [*_speeds(seconds, requests), close]


def _kernels() -> tuple[str, ...]:
    return ("numpy", "numba") if find_spec("numba") else ("numpy",)


def _contenders(world: World, requests: int, seed: int) -> dict[str, Contender]:
    found = {kernel: Contender(world, requests, seed, kernel, 1) for kernel in _kernels()}
    if cores.several():
        found |= {f"{k}, two threads": Contender(world, requests, seed, k, 2) for k in _kernels()}
    return found


def _references(
    world: World, requests: int, seed: int
) -> dict[str, Callable[[], Iterator[list[np.ndarray]]]]:
    """Plain NumPy on the occasions that contenders have."""
    occasion = occasion_of(world, world.users(np.arange(requests, dtype=np.int64)), seed, 0)
    of = _occasions(occasion)
    drawn = heads_by_hand.drawn(seed, CANDIDATES)
    read = heads_by_hand.read(world.normals.table, _starts(occasion, of), CANDIDATES)
    return {DRAWS: partial(heads_by_hand.heads, of, drawn), READS: partial(heads_by_hand.heads, of, read)}


def _occasions(occasion: Occasion) -> heads_by_hand.Occasions:
    world, prone = occasion.world, occasion.users.prone
    file, nobody = world.file, np.zeros(len(occasion.users), np.float32)
    responses = {
        name: heads_by_hand.Response(
            world.pools.logits[name].reshape(-1, CANDIDATES),
            world.weights[name].taste,
            world.weights[name].attraction,
            world.weights[name].satisfaction,
            prone.get(name, nobody),
        )
        for name in file.responses
    }
    models = {
        model_of(stage): {
            name: heads_by_hand.Model(
                view.slope,
                (1 - view.slope) * file.responses[name].intercept + view.bias,
                view.own_noise,
                view.shared_noise,
            )
            for name, view in world.views(stage, 0).items()
        }
        for stage in STAGES
    }
    topics = world.pools.topic.reshape(-1, CANDIDATES)
    return heads_by_hand.Occasions(occasion.pools, occasion.tastes, topics, responses, models)


def _starts(occasion: Occasion, of: heads_by_hand.Occasions) -> dict[str, np.ndarray]:
    """Where the world's table has what each request needs."""
    errors = [f"{stage}/{name}" for stage, seen in of.models.items() for name in seen]
    needed = (heads_by_hand.ATTRACTION, heads_by_hand.SATISFACTION, *of.models, *errors)
    return {what: occasion.starts(what) for what in needed}


def _exhaust(made: Callable[[], Iterator[object]]) -> None:
    for _ in made():
        pass


def _apart(contenders: Mapping[str, Contender], reads: Callable[[], Iterator[list[np.ndarray]]]) -> float:
    """The largest distance of any head from the reference's, in the first chunk."""
    by_hand = np.stack(next(reads()))
    found = [contender.first() for contender in contenders.values() if contender.threads == 1]
    return max(float(np.abs(one[:, : by_hand.shape[1]] - by_hand).max()) for one in found)


def _speeds(seconds: Mapping[str, list[float]], requests: int) -> list[Figure]:
    found = [rate(f"heads, {n}", times, requests) for n, times in seconds.items() if "hash" not in n]
    goals = {"numpy": GOAL_NUMPY, "numba": GOAL_KERNEL}
    for kernel in _kernels():
        name = f"heads, {kernel} over reference, per core"
        found.append(ratio(name, seconds[DRAWS], seconds[kernel], goals[kernel]))
    fastest = _kernels()[-1]
    name = "heads, reading the table over drawing, both by hand, per core"
    found.append(ratio(name, seconds[DRAWS], seconds[READS], GOAL_SAME_TABLE))
    name = f"heads, {fastest} over the {READS}, per core"
    found.append(ratio(name, seconds[READS], seconds[fastest], GOAL_SAME_TABLE))
    if cores.several():
        two = seconds[f"{fastest}, two threads"]
        found += [cores.gain(f"heads, {fastest}", seconds[fastest], two), cores.spare("heads", seconds)]
    return found
