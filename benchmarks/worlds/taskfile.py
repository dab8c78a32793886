"""The task file of a world: a three-stage funnel of which 4, 6, 12 or 24 numbers are tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source

DIMENSIONS = (4, 6, 12, 24)


@dataclass(frozen=True)
class Tuned:
    """A param. From the dimension `since` on it is tuned within its bounds; below, it is a constant."""

    stage: str
    production: float
    low: float
    high: float
    since: int
    scale: str = "linear"

    def written(self, dimension: int) -> str:
        if dimension < self.since:
            return f"{self.production}"
        scale = ', scale = "log"' if self.scale == "log" else ""
        return f"{{ production = {self.production}, low = {self.low}, high = {self.high}{scale} }}"


PARAMS: Mapping[str, Tuned] = {
    "v_long": Tuned("pre_ranking", 0.5, 0.05, 5.0, 12, "log"),
    "v_like": Tuned("pre_ranking", 1.0, 0.03, 10.0, 24, "log"),
    "v_hate": Tuned("pre_ranking", 0.3, 0.03, 10.0, 24, "log"),
    "v_fresh": Tuned("pre_ranking", 0.1, 0.0, 0.5, 24),
    "v_small": Tuned("pre_ranking", 0.02, 0.0, 0.3, 24),
    "t_report": Tuned("pre_ranking", 0.03, 0.0, 0.1, 24),
    "a_click": Tuned("ranking", 1.0, 0.2, 2.5, 4),
    "a_long": Tuned("ranking", 0.3, 0.0, 2.0, 4),
    "a_finish": Tuned("ranking", 0.1, 0.0, 1.5, 12),
    "w_like": Tuned("ranking", 1.0, 0.1, 20.0, 6, "log"),
    "w_share": Tuned("ranking", 1.0, 0.1, 40.0, 12, "log"),
    "w_comment": Tuned("ranking", 1.0, 0.1, 40.0, 12, "log"),
    "w_follow": Tuned("ranking", 2.0, 0.1, 40.0, 24, "log"),
    "w_hate": Tuned("ranking", 2.0, 0.2, 40.0, 4, "log"),
    "w_report": Tuned("ranking", 2.0, 0.2, 60.0, 24, "log"),
    "t_hate": Tuned("ranking", 0.02, 0.0, 0.08, 12),
    "c_click": Tuned("ranking", 0.7, 0.3, 1.0, 24),
    "u_small": Tuned("ranking", 0.02, 0.0, 0.5, 24),
    "b_bait": Tuned("re_ranking", 0.1, 0.01, 2.0, 6, "log"),
    "t_bait": Tuned("re_ranking", 0.6, 0.2, 0.9, 24),
    "b_fresh": Tuned("re_ranking", 0.05, 0.0, 0.5, 24),
    "b_small": Tuned("re_ranking", 0.05, 0.0, 0.5, 12),
    "b_finish": Tuned("re_ranking", 0.05, 0.0, 1.0, 24),
    "topic_penalty": Tuned("re_ranking", 0.05, 0.005, 1.0, 4, "log"),
}
"""In the order of the file. Weights of the re-ranking are shares of the ranking's score."""

_TEMPLATE = Path(__file__).with_name("creator_feed.toml.template")


def task_text(dimension: int) -> str:
    """The file with so many tuned numbers."""
    stages = dict.fromkeys(param.stage for param in PARAMS.values())
    tables = {stage: _params(stage, dimension) for stage in stages}
    return Template(_TEMPLATE.read_text()).substitute(tables)


def read_task(text: str, name: str = "creator_feed.toml") -> Task:
    """The task of a text. Raises ValueError with its problems if there is an error among them."""
    checked = check(Source(name, text), Environment())
    if checked.task is None:
        raise ValueError("\n".join(map(str, checked.problems)))
    return checked.task


def _params(stage: str, dimension: int) -> str:
    own = {name: param for name, param in PARAMS.items() if param.stage == stage}
    return "\n".join(f"{name} = {param.written(dimension)}" for name, param in own.items())
