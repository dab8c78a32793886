"""Configs that a task may serve."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.space import Space


def configs(task: Task) -> st.SearchStrategy[dict[str, float]]:
    """Feasible configs of a task: inside the bounds, whole where they must be, sorted where an order is
    asked for, and within all constraints. The ends of bounds are drawn often; shrinks to production.
    """
    space = Space(task)

    def feasible(point: tuple[list[float], int]) -> dict[str, float]:
        unit, seed = point
        config = space.from_unit(np.array(unit))
        if space.feasible(config):
            return config
        generator = np.random.Generator(np.random.Philox(key=seed))
        return space.from_unit(space.sample(generator, 1)[0])

    places = [_place(task.params[name], space.production[i]) for i, name in enumerate(space.names)]
    drawn = st.tuples(st.tuples(*places).map(list), st.integers(0, 2**32 - 1)).map(feasible)
    return st.one_of(st.just(task.production), drawn)


def _place(param: Param, production: float) -> st.SearchStrategy[float]:
    return st.one_of(st.just(float(production)), st.sampled_from([0.0, 1.0]), st.floats(0, 1))
