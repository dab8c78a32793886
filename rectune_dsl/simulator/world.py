"""The world a task names: its items, pools and tables. Built once, read by all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.catalogue import Pools, make_items, make_pools
from rectune_dsl.simulator.heads import item_logits
from rectune_dsl.simulator.keyed import Ids, Noise
from rectune_dsl.simulator.population import Users, make_users

WORLDS = ("short-video",)


@dataclass(frozen=True, eq=False)
class World:
    """Everything requests are made from. `population` user ids are 0 ... population - 1.

    Pickled, it is the table it was built from: who unpickles it has it built, once per process.
    """

    built_from: Simulator
    seed: int
    population: int
    pools: Pools
    normals: Noise
    uniforms: Noise

    @property
    def candidates(self) -> int:
        return self.pools.candidates

    def __reduce__(self) -> tuple[Callable[[Simulator], World], tuple[Simulator]]:
        return build_world, (self.built_from,)

    def users(self, ids: Ids) -> Users:
        return make_users(self.seed, self.normals, ids)


@lru_cache(maxsize=2)
def build_world(simulator: Simulator) -> World:
    """The world of a `[simulator]` table. Raises UsageError when there is none of that name."""
    if simulator.world not in WORLDS:
        raise UsageError(
            f"there is no simulated world {simulator.world!r}",
            help=did_you_mean(simulator.world, WORLDS),
        )
    items = make_items(simulator)
    return World(
        built_from=simulator,
        seed=simulator.seed,
        population=simulator.users,
        pools=make_pools(simulator, items, item_logits(items)),
        normals=Noise.normal("table", simulator.seed),
        uniforms=Noise.uniform("table", simulator.seed),
    )
