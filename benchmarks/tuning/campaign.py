"""One campaign of one tuner on one problem: rounds of arms, judged by the truth."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from worlds.keyed import generator

from rectune_dsl.hooks.api import Arm, Config
from tuning.memory import Peak
from tuning.problem import Judge, Problem
from tuning.tuner import MakeTuner, Setup, Tuner

ROUNDS, ARMS = 8, 5
JUDGED_AFTER = (1, 2, 4, 8)


@dataclass(frozen=True)
class Round:
    """`arms` that were tested and how many of them violate a guardrail in truth; processor seconds to
    propose them and to learn from them.

    What is recommended is judged after some rounds only: `safe_gain` is its true U in % of the oracle's, 0
    where it violates; `chance_to_ship` is at the confirmation's traffic.
    """

    number: int
    arms: int
    violating: int
    seconds: float
    safe_gain: float | None = None
    violates: bool | None = None
    chance_to_ship: float | None = None


@dataclass(frozen=True)
class Campaign:
    """`memory` is what the process grew by at most, in MB; None where the system does not tell."""

    rounds: tuple[Round, ...]
    memory: float | None


def run(
    problem: Problem,
    make: MakeTuner,
    share: float,
    rounds: int = ROUNDS,
    judged_after: Collection[int] = JUDGED_AFTER,
) -> Campaign:
    """With noise of this share of the oracle's gain. All tuners meet the same noise in the same round."""
    noise = problem.noise(share)
    judge = Judge(problem, noise)
    with Peak() as peak:
        tuner = make(Setup(problem.task, problem.panel, noise, problem.seed))
        found = tuple(one_round(judge, tuner, n, n in judged_after) for n in range(1, rounds + 1))
    return Campaign(found, peak.megabytes)


def one_round(judge: Judge, tuner: Tuner, number: int, recommends: bool) -> Round:
    problem = judge.problem
    began = time.process_time()
    configs = list(tuner.propose(number, ARMS))
    seconds = time.process_time() - began
    if len(configs) > ARMS:
        raise ValueError(f"{len(configs)} arms were proposed, {ARMS} are allowed")
    violating = 0
    if configs:
        truths = problem.truth(configs)
        violating = int(judge.violates(truths).sum())
        arms = [Arm(f"r{number}p{i}", config) for i, config in enumerate(configs, 1)]
        rng = generator("noise", problem.name, problem.setting, problem.seed, number)
        result = judge.noise.measure(number, arms, truths, rng)
        began = time.process_time()
        tuner.observe(result)
        seconds += time.process_time() - began
    if not recommends:
        return Round(number, len(configs), violating, seconds)
    gain, violates, chance = judged(judge, tuner.recommend())
    return Round(number, len(configs), violating, seconds, gain, violates, chance)


def judged(judge: Judge, config: Config) -> tuple[float, bool, float]:
    """Safe gain in % of the oracle's, whether it violates, and the true chance to ship. Production gains
    nothing and does not ship."""
    production = judge.problem.task.production
    if all(config.values[name] == value for name, value in production.items()):
        return 0.0, False, 0.0
    lifts = judge.problem.truth([config])
    violates = bool(judge.violates(lifts)[0])
    gain = 0.0 if violates else 100.0 * float(judge.objective(lifts)[0]) / judge.problem.oracle.gain
    return gain, violates, judge.chance_to_ship(lifts[0])
