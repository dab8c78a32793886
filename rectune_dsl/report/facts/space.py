"""The params of a task: where production stands, and where the recommended config does."""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.report.facts.records import ParamFacts


def params(task: Task, recommended: Mapping[str, float] | None) -> tuple[ParamFacts, ...]:
    """Every param in the task's order, with its values in units of its range too."""
    space = Space(task)
    before = space.to_unit(task.production).tolist()
    after = None if recommended is None else space.to_unit(recommended).tolist()
    return tuple(
        ParamFacts(
            name=name,
            about=param.about,
            low=param.low,
            high=param.high,
            scale=param.scale,
            production=param.production,
            production_unit=before[at],
            recommended=None if recommended is None else recommended[name],
            recommended_unit=None if after is None else after[at],
        )
        for at, (name, param) in enumerate(task.params.items())
    )
