"""A model launch: a world whose models and users change while a campaign is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tuning.campaign import Campaign, one_round
from tuning.founding import kept, oracle_of, world_problem
from tuning.own import OwnTuner
from tuning.problem import Judge, Problem
from tuning.tuner import Setup
from worlds.responses import draw_temper
from worlds.setting import Setting
from worlds.version import VERSION
from worlds.world import World

SIZE = 12
LAUNCHED_AFTER, ROUNDS = 4, 10
_OTHERS = 10_000
"""Added to a world's seed: whose users come with the launch."""


class _Launched(World):
    """The same users' requests and items, other models of what they like, and another temper."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, Setting())
        self._heads = self._older
        self._temper = draw_temper(seed + _OTHERS)


def world_pair(seed: int, cache: Path | None) -> tuple[Problem, Problem]:
    """The problem before and after the launch."""
    before = world_problem(seed, SIZE, "plain", cache)
    world = _Launched(seed)
    truth = world.truth(before.task)
    find = partial(oracle_of, before.task, truth, seed)
    oracle = kept(cache, f"launched-{VERSION}-{seed}-{SIZE}", find)
    return before, replace(before, panel=world.panel(), truth=truth, oracle=oracle)


def launched(before: Problem, after: Problem, make: Callable[[Setup], OwnTuner], share: float) -> Campaign:
    """A campaign that meets the launch after some rounds; recommendations are judged by the world as it is
    then. The tuner sees the new panel from there on, and is not told."""
    noises = [problem.noise(share) for problem in (before, after)]
    tuner = make(Setup(before.task, before.panel, noises[0], before.seed))
    found = []
    for number in range(1, ROUNDS + 1):
        new = number > LAUNCHED_AFTER
        if number == LAUNCHED_AFTER + 1 and after.panel is not None:
            tuner.meet(after.panel)
        judge = Judge(after if new else before, noises[new])
        found.append(one_round(judge, tuner, number, True))
    return Campaign(tuple(found), None)
