"""What any config of a task would show on a panel, at no traffic cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.features import Overlap, SlateFeatures
from rectune_dsl.funnel.processors import usable
from rectune_dsl.funnel.redundant import independent
from rectune_dsl.funnel.replay import Replay, Route
from rectune_dsl.funnel.source import head
from rectune_dsl.funnel.stage import Functions
from rectune_dsl.hooks.api import Config, Panel, Slates

SAMPLE, NEAR_SAMPLE = 128, 64
"""Configs that tell which features vary, from the whole box and from half of it around production."""
REMEMBERED = 65_536
"""Configs whose results are kept; the oldest go first."""
_NEAR = 0.25
"""Of the unit box to either side of production."""
_BLOCK = 64
"""Configs that a thread works on at once: enough to share what they have in common."""
_KEY = 0x77686174
_DIGEST = 16
"""Bytes of a slate key."""

Array = NDArray[np.float64]
Values = tuple[float, ...]
"""Of all params, in the task's order."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What one config shows: φ (features,), the overlap with production's slates, and the slates' key."""

    features: Array
    overlap: float
    key: bytes


class WhatIf:
    """Replays configs of a task on a panel's first `requests` (all of them when None), on `threads` threads
    (as many as there are processors when None).

    `names` are those of the slate features φ that say something of their own, as SlateFeatures has them: of
    a fixed sample of the task's configs, every other one is constant or a linear combination of these, but
    for 0.1 % of its variance; `mean:` features are kept before `log:`, products last. `production` is φ of
    production, `spread` the standard deviation of each feature over configs drawn from the task's whole
    box, both (features,).

    Results are kept for the last REMEMBERED configs, and depend on nothing but the config: not on threads,
    nor on what else is asked. Instances may be shared between threads. Raises UsageError when the panel lacks
    what the formulas read; every method raises KeyError when a config lacks a param.
    """

    def __init__(
        self,
        task: Task,
        panel: Panel,
        functions: Functions | None = None,
        *,
        requests: int | None = None,
        threads: int | None = None,
    ) -> None:
        panel = panel if requests is None else head(panel, requests)
        self._params = tuple(task.params)
        self._threads = usable() if threads is None else threads
        self._replay = Replay(task, panel, functions)
        self._features = SlateFeatures(task, panel)
        self._seen: dict[Values, Shown] = {}
        self._lock = Lock()
        served = Config(task.production)
        self._overlap = Overlap(self.slates(served), panel.items.shape[1])
        whole, near = _sample(task)
        everything = self.features([served, *whole, *near])
        spread = everything[1 : 1 + len(whole)].std(axis=0)
        kept = list(independent(np.where(spread > 0.0, everything, 0.0), _preference(self._features.names)))
        self._features = SlateFeatures(task, panel, [self._features.names[i] for i in kept])
        self._seen = {}
        self.names: tuple[str, ...] = self._features.names
        self.production: Array = everything[0, kept]
        self.spread: Array = spread[kept]

    def features(self, configs: Sequence[Config]) -> Array:
        """φ of each config, (configs, features), in the order of `names`."""
        found = [shown.features for shown in self._all(configs)]
        return np.array(found) if found else np.empty((0, len(self.names)))

    def overlaps(self, configs: Sequence[Config]) -> Array:
        """The share of items on each config's slates that production's have too, (configs,), as
        `funnel.features.Overlap` has it."""
        return np.array([shown.overlap for shown in self._all(configs)], np.float64)

    def slate_keys(self, configs: Sequence[Config]) -> tuple[bytes, ...]:
        """Equal for two configs that show the same candidates in the same order, and, but for a chance of
        2^-128, for no others."""
        return tuple(shown.key for shown in self._all(configs))

    def slates(self, config: Config) -> Slates:
        """The slates of one config."""
        return self._replay.slates([config])

    def _all(self, configs: Sequence[Config]) -> list[Shown]:
        keys = [tuple(map(config.values.__getitem__, self._params)) for config in configs]
        seen = self._seen
        found = {key: seen[key] for key in keys if key in seen}
        missing = {key: config for key, config in zip(keys, configs, strict=True) if key not in found}
        if missing:
            new = self._computed(missing)
            self._remember(new)
            found |= new
        return [found[key] for key in keys]

    def _computed(self, missing: Mapping[Values, Config]) -> dict[Values, Shown]:
        order = sorted(missing, key=lambda key: self._order(missing[key]))
        size = max(1, min(_BLOCK, -(-len(order) // self._threads)))
        blocks = []
        for _, alike in groupby(order, key=lambda key: self._replay.counts(missing[key])):
            keys = list(alike)
            blocks += [[missing[key] for key in keys[i : i + size]] for i in range(0, len(keys), size)]
        if self._threads == 1 or len(blocks) == 1:
            parts = list(map(self._block, blocks))
        else:
            with ThreadPoolExecutor(min(self._threads, len(blocks))) as pool:
                parts = list(pool.map(self._block, blocks))
        return dict(zip(order, (shown for part in parts for shown in part), strict=True))

    def _order(self, config: Config) -> tuple[tuple[float, ...], Route]:
        """Puts those together that go through stages together."""
        return self._replay.counts(config), self._replay.route(config)

    def _block(self, configs: Sequence[Config]) -> list[Shown]:
        slates = self._replay.slates(configs).candidates
        candidates = slates.reshape(len(configs), -1, slates.shape[1])
        found = zip(self._features.of_all(candidates), self._overlap.of_all(candidates).tolist(), strict=True)
        return [
            Shown(features, share, _key_of(own))
            for (features, share), own in zip(found, candidates, strict=True)
        ]

    def _remember(self, new: Mapping[Values, Shown]) -> None:
        with self._lock:
            self._seen |= new
            for key in list(self._seen)[: max(0, len(self._seen) - REMEMBERED)]:
                del self._seen[key]


def _sample(task: Task) -> tuple[list[Config], list[Config]]:
    """The same configs whenever it is asked: of the whole box, and of half of it around production."""
    space = Space(task)
    generator = np.random.Generator(np.random.Philox(key=_KEY))
    whole = space.sample(generator, SAMPLE)
    near = space.sample(generator, NEAR_SAMPLE, radius=_NEAR)

    def configs(points: Array) -> list[Config]:
        return [Config(values) for values in space.from_units(points)]

    return configs(whole), configs(near)


def _preference(names: Sequence[str]) -> list[int]:
    """Which features are kept first: the lower the earlier."""

    def of(name: str) -> int:
        what, _, signal = name.partition(":")
        return 2 if what == "product" else 1 if what == "log" and f"mean:{signal}" in names else 0

    return [of(name) for name in names]


def _key_of(candidates: NDArray[np.int32]) -> bytes:
    """A digest of slates; places at their end that all of them leave empty are not part of it."""
    width = candidates.shape[1]
    while width and (candidates[:, width - 1] < 0).all():
        width -= 1
    shown = np.ascontiguousarray(candidates[:, :width], np.int32)
    return blake2b(width.to_bytes(8, "little") + shown.tobytes(), digest_size=_DIGEST).digest()
