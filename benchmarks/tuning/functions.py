"""Test functions as tasks without a panel: there is no slate to see, only params and lifts.

U is the function's value, scaled so that the oracle gains GAIN; a constraint is a guardrail on a second
metric, by how much of production's room is used. Hartmann-6 (Surjanovic and Bingham, "Virtual Library of
Simulation Experiments") has a bound on the sum of its params, Branin a disc in the middle, Ackley-5 the
bound on the sum of Eriksson and Poloczek 2021 (arXiv 2002.08526).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from worlds.keyed import generator
from worlds.search import best_of, evolve
from worlds.taskfile import read_task

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config
from tuning.founding import kept
from tuning.problem import Floats, Oracle, Problem

GAIN, MARGIN = 0.05, 0.10

_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def hartmann(x: Floats) -> Floats:
    return np.asarray(np.exp(-(_A * (x[:, None, :] - _P) ** 2).sum(2)) @ _ALPHA)


def branin(x: Floats) -> Floats:
    a, b = 15 * x[:, 0] - 5, 15 * x[:, 1]
    bowl = (b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2
    return np.asarray(-(bowl + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10))


def ackley(x: Floats) -> Floats:
    z = 15 * x - 5
    return np.asarray(20 * np.exp(-0.2 * np.sqrt((z**2).mean(1))) + np.exp(np.cos(2 * np.pi * z).mean(1)))


@dataclass(frozen=True)
class Function:
    """`value` is maximised over the unit box while `excess` stays at 0 or below; both (points,) of points
    (points, params)."""

    params: int
    value: Callable[[Floats], Floats]
    excess: Callable[[Floats], Floats]


FUNCTIONS: Mapping[str, Function] = {
    "hartmann-6": Function(6, hartmann, lambda x: x.sum(1) - 1.9),
    "branin-2": Function(2, branin, lambda x: ((x[:, 0] - 0.5) ** 2 + (x[:, 1] - 0.5) ** 2 - 0.1) * 5),
    "ackley-5": Function(5, ackley, lambda x: (15 * x - 5).sum(1) / 10),
}

_TEXT = """\
dsl = 1
[task]
name    = "{name}"
surface = "benchmark"
[signals]
{signals}
[stages.rank]
keep  = 5
score = "{score}"
[stages.rank.params]
{params}
[metrics]
value = {{ goal = "maximize" }}
cost  = {{}}
[guardrails]
cost = "<= +{margin:g}%"
[experiment]
backend       = "benchmark"
users_per_arm = 20_000
days          = 3
[confirm]
users_per_arm = 120_000
days          = 7
"""


def function_problem(name: str, seed: int, cache: Path | None) -> Problem:
    """Production is a random point of the seed's that keeps the guardrail, in the middle of what such points
    reach."""
    function = FUNCTIONS[name]
    start = _start(function, seed)
    task = read_task(_written(name, start), f"{name}.toml")
    best = kept(cache, f"function-1-{name}", partial(_oracle, name, function, task))
    space = Space(task)
    top = float(function.value(space.to_unit(best.config.values)[None])[0])
    truth = _Truth(function, space, top)
    return Problem(name, "plain", seed, task, None, truth, Oracle(best.config, GAIN, best.others))


class _Truth:
    """Lifts (configs, 2) of value and cost over production."""

    def __init__(self, function: Function, space: Space, top: float) -> None:
        self._function, self._space = function, space
        start = space.production[None]
        self._base = float(function.value(start)[0])
        self._scale = GAIN / (top - self._base)
        self._room = -float(function.excess(start)[0])

    def __call__(self, configs: Sequence[Config]) -> Floats:
        points = np.array([self._space.to_unit(config.values) for config in configs])
        value = (self._function.value(points) - self._base) * self._scale
        cost = MARGIN * (1.0 + self._function.excess(points) / self._room)
        return np.stack([value, cost], 1)


def _start(function: Function, seed: int) -> Floats:
    points = generator("function", seed).random((512, function.params))
    points = points[function.excess(points) < -0.2]
    return np.asarray(points[np.argsort(function.value(points))[len(points) // 2]])


def _written(name: str, start: Floats) -> str:
    names = [f"x{i}" for i in range(1, len(start) + 1)]
    return _TEXT.format(
        name=name,
        signals="\n".join(f"{n.replace('x', 'p')} = {{}}" for n in names),
        score=" + ".join(f"{n} * {n.replace('x', 'p')}" for n in names),
        params="\n".join(
            f"{n} = {{ production = {value:.4f}, low = 0.0, high = 1.0 }}"
            for n, value in zip(names, start, strict=True)
        ),
        margin=100 * MARGIN,
    )


def _oracle(name: str, function: Function, task: Task) -> Oracle:
    """Of the function itself, wherever production lies; its gain is set to GAIN by scale."""

    space = Space(task)

    def merits(points: Floats) -> Floats:
        points = space.decode(points)  # as served, which the unit box is but for rounding
        return np.asarray(function.value(points) - 1e3 * np.maximum(function.excess(points), 0.0))

    rng = generator("function oracle", name)
    sample = rng.random((4096, function.params))
    starts = sample[np.argsort(-merits(sample))[:5]]
    found = best_of(starts, merits, merits, merits, rng)
    best = found.point
    for step in (0.02, 0.005, 0.001):
        best = evolve(best, merits, rng, 40, step)
    return Oracle(Config(space.from_unit(best)), float(merits(best[None])[0]), found.others)
