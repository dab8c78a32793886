"""The funnel: 1,000 -> 200 -> 50 -> 10 candidates, 6 heads, powers and logarithms."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config, Panel, Slates
from speed import cores, reference
from speed.figures import Figure, Options, alternating, rate, ratio

CANDIDATES = 1_000
HEADS = ("p_click", "p_long_view", "p_like", "p_share", "p_follow", "p_hate")
WEIGHTS = {
    "pre_ranking": {"a_click": 0.8, "a_long": 0.55},
    "ranking": {
        "b_click": 1.1,
        "b_long": 0.6,
        "b_share": 0.45,
        "w_like": 2.0,
        "w_share": 0.7,
        "w_follow": 0.1,
        "w_hate": 2.0,
    },
    "re_ranking": {"v_like": 0.3, "v_hate": 0.2, "c_hate": 0.7},
}
CONFIG = {name: value for weights in WEIGHTS.values() for name, value in weights.items()}
STAGES = {
    "pre_ranking": (200, "p_click ** a_click * p_long_view ** a_long"),
    "ranking": (
        50,
        "p_click ** b_click * p_long_view ** b_long + w_like * log1p(p_like) + w_share * p_share ** b_share"
        " + w_follow * log(p_follow) - w_hate * p_hate",
    ),
    "re_ranking": (10, "score + v_like * p_like - v_hate * p_hate ** c_hate"),
}
GOAL_KERNEL, GOAL_NUMPY, GOAL_WARM, GOAL_SAME = 2.0, 1.0, 1.0, 0.999
ROUNDS = 3
"""Per seed."""


@dataclass(frozen=True)
class Contender:
    """A funnel over a panel, in some threads."""

    funnel: Funnel
    panel: Panel
    threads: int

    def __call__(self) -> Slates:
        return self.funnel.slates(self.panel, Config(CONFIG), threads=self.threads)


def figures(options: Options) -> list[Figure]:
    requests = 4_096 if options.quick else 8_192
    seconds: dict[str, list[float]] = {}
    same = []
    for seed in range(options.seeds):
        panel = _panel(requests, seed)
        heads = panel.signals["ranking"]
        contenders = _contenders(panel)
        plain = partial(reference.slates, heads, CONFIG)
        by_hand = plain()
        same += [_agreement(by_hand, contender()) for contender in contenders.values()]
        everyone: dict[str, Callable[[], object]] = {
            "reference": plain,
            **contenders,
            **cores.hashing(),
        }
        for name, times in alternating(everyone, ROUNDS).items():
            seconds.setdefault(name, []).extend(times)
    return [*_speeds(seconds, requests), _same(same), *_starts(options)]


def _kernels() -> tuple[str, ...]:
    return ("numpy", "numba") if find_spec("numba") else ("numpy",)


def _contenders(panel: Panel) -> dict[str, Contender]:
    task = Task.model_validate(_task())
    contenders = {}
    for kernel in _kernels():
        funnel = Funnel(task)
        with mock.patch.dict(os.environ, {VARIABLE: kernel}):
            funnel.slates(panel, Config(CONFIG))
        contenders[kernel] = Contender(funnel, panel, 1)
        contenders[f"{kernel}, two threads"] = Contender(funnel, panel, 2)
    return contenders


def _task() -> dict[str, object]:
    """The funnel as a task file has it; what is not about the funnel has to be there."""
    bounds = {"low": 0.01, "high": 9.0}
    return {
        "dsl": 1,
        "task": {"name": "speed", "surface": "home-feed"},
        "signals": {head: {} for head in HEADS},
        "stages": {
            name: {
                "keep": keep,
                "score": score,
                "params": {n: {"production": v, **bounds} for n, v in WEIGHTS[name].items()},
            }
            for name, (keep, score) in STAGES.items()
        },
        "metrics": {"clicks": {"goal": "maximize"}},
        "experiment": {"users_per_arm": 10, "days": 1},
        "confirm": {"users_per_arm": 10, "days": 1},
    }


def _panel(requests: int, seed: int) -> Panel:
    """Heads as they are: most probabilities are small."""
    rng = np.random.default_rng(seed)
    shape = (requests, CANDIDATES)
    heads = {head: rng.random(shape, np.float32) ** 3 * np.float32(0.9) + np.float32(1e-4) for head in HEADS}
    stages = dict.fromkeys(("pre_ranking", "ranking", "re_ranking"), heads)
    return Panel(signals=stages, keys={}, items=np.zeros(shape, np.int32))


def _speeds(seconds: Mapping[str, list[float]], requests: int) -> list[Figure]:
    found = [
        rate(f"funnel, {name}", times, requests) for name, times in seconds.items() if "hash" not in name
    ]
    plain = seconds["reference"]
    for kernel, goal in (("numpy", GOAL_NUMPY), ("numba", GOAL_KERNEL)):
        if kernel in seconds:
            found.append(ratio(f"funnel, {kernel} over reference, per core", plain, seconds[kernel], goal))
    if cores.several():
        fastest = _kernels()[-1]
        two = seconds[f"{fastest}, two threads"]
        found += [cores.gain(f"funnel, {fastest}", seconds[fastest], two), cores.spare("funnel", seconds)]
    return found


def _agreement(by_hand: tuple[reference.Positions, NDArray[np.float32]], slates: Slates) -> float:
    """The share of slates with the same candidates in the same places. What differs are ties but for the last
    bits, which the scores show: they are the same slot by slot."""
    candidates, scores = by_hand
    np.testing.assert_allclose(slates.scores, scores, rtol=1e-5, atol=1e-6)
    return float((slates.candidates == candidates).all(axis=1).mean())


def _same(shares: list[float]) -> Figure:
    least = min(shares)
    goal = f">= {GOAL_SAME:g}; others are ties but for last bits"
    return Figure("funnel, slates equal to the reference's, least share", least, "", goal, least >= GOAL_SAME)


def _starts(options: Options) -> list[Figure]:
    """What numba costs a process once."""
    if "numba" not in _kernels():
        return []
    with tempfile.TemporaryDirectory() as folder:
        first = _import_seconds({"NUMBA_CACHE_DIR": folder})
        warm = statistics.median(
            _import_seconds({"NUMBA_CACHE_DIR": folder}) for _ in range(3 + options.seeds)
        )
    return [
        Figure("kernel, compiled for the first time", round(first, 1), "s", "none", True),
        Figure("kernel, loaded from disk", round(warm, 2), "s", f"< {GOAL_WARM:g}", warm < GOAL_WARM),
    ]


def _import_seconds(environment: Mapping[str, str]) -> float:
    script = (
        "import time, rectune_dsl.funnel.run; started = time.perf_counter();"
        "import rectune_dsl.funnel.compiled.stage; print(time.perf_counter() - started)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
