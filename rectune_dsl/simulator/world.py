"""The world a task names: its file, items, pools and tables. Built once, read by all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.dsl.rehearsal import Drift
from rectune_dsl.simulator.catalogue import Items, Pools, make_items, make_pools
from rectune_dsl.simulator.heads import Weights, drifted, item_logits, model_of, views, weights
from rectune_dsl.simulator.keyed import Ids, Noise
from rectune_dsl.simulator.population import Users, make_users
from rectune_dsl.simulator.signals import heads_of, item_signals_of, kinds_of
from rectune_dsl.simulator.tables.models import View
from rectune_dsl.simulator.worldfile import WorldFile
from rectune_dsl.simulator.worlds import exact_toml, parse, text_of

SESSIONS, RETURN, LATENCY, TOPICS, LOOKED = (
    "sessions",
    "next_day_return",
    "latency_ms",
    "topics_shown",
    "impressions",
)
"""Per-user columns that every world has, besides those of its responses and amounts."""


@dataclass(frozen=True)
class Sizes:
    """How large a world is: its seed, users, items, and candidates per request."""

    seed: int
    users: int
    items: int
    candidates: int


@dataclass(frozen=True, eq=False)
class World:
    """Everything requests are made from. `population` user ids are 0 ... population - 1.

    Pickled, it is its file and sizes: who unpickles it has it built, once per process. `at_random` says that
    candidates are any items, as where random exposure is measured. `drift` is a change of its models.
    """

    sizes: Sizes
    at_random: bool
    file: WorldFile
    items: Items
    pools: Pools
    weights: Mapping[str, Weights]
    normals: Noise
    uniforms: Noise
    drift: Drift | None = None

    @cached_property
    def text(self) -> str:
        """Its file as TOML, to the last digit."""
        return exact_toml(self.file)

    def __reduce__(self) -> tuple[Callable[..., World], tuple[str, Sizes, bool, Drift | None]]:
        return make_world, (self.text, self.sizes, self.at_random, self.drift)

    @property
    def seed(self) -> int:
        return self.sizes.seed

    @property
    def population(self) -> int:
        return self.sizes.users

    @property
    def candidates(self) -> int:
        return self.pools.candidates

    @property
    def topics(self) -> int:
        return self.file.items.topics

    @cached_property
    def heads(self) -> Mapping[str, str]:
        """Predictions by the name that formulas know them by, and the responses they predict."""
        return heads_of(self.file)

    @cached_property
    def item_signals(self) -> Mapping[str, str]:
        """Item signals, and where pools hold them."""
        return item_signals_of(self.file)

    @cached_property
    def signals(self) -> tuple[str, ...]:
        """Everything that formulas may read."""
        return tuple(kinds_of(self.file))

    @cached_property
    def sums(self) -> tuple[str, ...]:
        """Columns that are summed over a user's sessions."""
        counted = (response.column for response in self.file.responses.values())
        return (*counted, *self.file.amounts, LOOKED)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The per-user columns. Sums over the exposed days, but: `next_day_return` is the share of the days
        a user came that were followed by another, of those whose next day is over; `latency_ms` and
        `topics_shown` are means over the user's sessions; `_before` are sums over the fortnight before."""
        before = (f"{self.file.main_amount}_before", f"{SESSIONS}_before")
        return (*self.sums, SESSIONS, RETURN, LATENCY, TOPICS, *before)

    def views(self, stage: str, day: int) -> Mapping[str, View]:
        """How the models that serve a stage on a day see responses, by name."""
        if self.drift is None or day < self.drift.day:
            return views(self.file, stage)
        model = model_of(stage)
        if model not in self._drifted:
            self._drifted[model] = drifted(views(self.file, stage), self.drift)
        return self._drifted[model]

    @cached_property
    def _drifted(self) -> dict[str, Mapping[str, View]]:
        return {}

    def users(self, ids: Ids) -> Users:
        return make_users(self.file, self.seed, self.normals, ids)


def build_world(simulator: Simulator, folder: Path = Path()) -> World:
    """The world of a `[simulator]` table; the path of a world file starts at `folder`. Raises UsageError when
    there is none of that name, or when its file says what cannot be."""
    drift = simulator.faults.drift if simulator.faults else None
    text = text_of(simulator.world, folder)
    parse(text, simulator.world)
    return make_world(text, sizes_of(simulator), drift=drift)


def sizes_of(simulator: Simulator) -> Sizes:
    """How large the world of a `[simulator]` table is."""
    return Sizes(simulator.seed, simulator.users, simulator.items, simulator.candidates)


def make_world(text: str, sizes: Sizes, at_random: bool = False, drift: Drift | None = None) -> World:
    """A world by its file's text, and how large it is; the same one where it was made before."""
    return _made(exact_toml(parse(text)), sizes, at_random, drift)


@lru_cache(maxsize=4)
def _made(text: str, sizes: Sizes, at_random: bool, drift: Drift | None) -> World:
    return world_of(parse(text), sizes, at_random, drift)


def world_of(file: WorldFile, sizes: Sizes, at_random: bool = False, drift: Drift | None = None) -> World:
    """A world by its file."""
    items = make_items(file, sizes.items, sizes.seed)
    parts: dict[str, Any] = {"logits": item_logits(file, items), "at_random": at_random}
    return World(
        sizes=sizes,
        at_random=at_random,
        file=file,
        items=items,
        pools=make_pools(items, file.items.topics, sizes.candidates, sizes.seed, **parts),
        weights=weights(file),
        normals=Noise.normal("table", sizes.seed),
        uniforms=Noise.uniform("table", sizes.seed),
        drift=drift,
    )
