"""A world: its panel for tuners, and the truth for judges of tuners."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.source import head
from rectune_dsl.hooks.api import Config, Panel
from worlds.catalogue import draw_catalogue, draw_requests
from worlds.heads import draw_heads, predictions
from worlds.keyed import generator
from worlds.responses import METRICS, Audience, audience, draw_temper
from worlds.setting import Setting
from worlds.truth import chance, log_odds, seen_log_odds

PANEL_REQUESTS, TRUTH_REQUESTS = 256, 640
_TUNED_ON = 64
"""Requests that set the noise of heads."""


class World:
    """Users, items, models and responses named by `seed`, under a `setting`."""

    def __init__(self, seed: int, setting: Setting) -> None:
        self.seed, self.setting = seed, setting
        self._catalogue = draw_catalogue(seed)
        self._temper = draw_temper(seed)
        requests = draw_requests(seed, self._catalogue, "models", _TUNED_ON)
        odds = log_odds(requests, self._catalogue, setting.hidden)
        seen = seen_log_odds(odds, requests, self._catalogue, setting.hidden)
        self._heads = draw_heads(seed, "current", seen, requests, self._catalogue, setting.auc)
        self._older = draw_heads(seed, "older", seen, requests, self._catalogue, setting.auc)

    def panel(self, requests: int = PANEL_REQUESTS) -> Panel:
        """Logged requests, none of which the truth is about."""
        return self._asked("panel", requests, self.setting.stale)[0]

    def truth(self, task: Task) -> Truth:
        """The expected lifts of the task's configs."""
        panel, people = self._audience
        return Truth(task, panel, people)

    @cached_property
    def _audience(self) -> tuple[Panel, Audience]:
        return self._asked("truth", TRUTH_REQUESTS, 0.0)

    def _asked(self, purpose: str, count: int, stale: float) -> tuple[Panel, Audience]:
        """Requests as the funnel sees them and as users meet them."""
        setting, catalogue = self.setting, self._catalogue
        requests = draw_requests(self.seed, catalogue, purpose, count)
        odds = log_odds(requests, catalogue, setting.hidden)
        said = predictions(
            setting, self.seed, purpose, self._heads, self._older, odds, requests, catalogue, stale
        )
        signals = {f"p_{action}": values.astype(np.float32) for action, values in said.items()}
        rng = generator("clickbait", self.seed)  # a classifier of items: its noise is theirs
        bait = chance(1.2 * catalogue.bait + 0.8 * rng.standard_normal(catalogue.bait.size) - 0.5)
        items = requests.items
        signals["clickbait"] = bait[items].astype(np.float32)
        signals["freshness"] = np.exp(-catalogue.age[items] / 4.0).astype(np.float32)
        signals["small_creator"] = catalogue.small[items].astype(np.float32)
        panel = Panel(
            signals=dict.fromkeys(("pre_ranking", "ranking", "re_ranking"), signals),
            keys={"topic": catalogue.topic[items]},
            items=items,
        )
        return panel, audience(self._temper, odds, requests, catalogue)


class Truth:
    """Noise-free expected lifts over production on fixed requests."""

    def __init__(self, task: Task, panel: Panel, people: Audience) -> None:
        self._task, self._funnel, self._panel, self._people = task, Funnel(task), panel, people
        self._production = self._levels(Config(task.production))

    def __call__(self, configs: Sequence[Config]) -> NDArray[np.float64]:
        """Lifts (configs, metrics), in the order of METRICS."""
        levels = np.array([self._levels(config) for config in configs]).reshape(len(configs), len(METRICS))
        return levels / self._production - 1.0

    def on_first(self, requests: int) -> Truth:
        """A rougher and quicker one."""
        return Truth(self._task, head(self._panel, requests), self._people.first(requests))

    def _levels(self, config: Config) -> NDArray[np.float64]:
        slates = self._funnel.slates(self._panel, config, threads=1)
        found = self._people.metrics(slates.candidates)
        return np.array([found[metric] for metric in METRICS])
