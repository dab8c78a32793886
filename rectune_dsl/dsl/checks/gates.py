"""Boosts and filters: boosts that may punish, filters that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from rectune_dsl.dsl.checks.parts import read_through_terms
from rectune_dsl.dsl.checks.scene import Scene
from rectune_dsl.dsl.checks.tried import Tried, describe
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Binary, Node
from rectune_dsl.dsl.positions import KeyPath


def filters(scene: Scene, bounds: Mapping[KeyPath, object]) -> Iterator[Diagnostic]:
    """Filters whose bounds show that they keep back nobody, or everybody."""
    for name in scene.stage.filters:
        path = ("stages", scene.stage_name, "filters", name)
        match bounds.get(path):
            case (float(low), float(high)) if low > 0 or high < 0:
                message = f"`{name}` holds for every candidate, whatever the config"
                yield scene.draft.problem("RT218", path, message, "tighten it, or remove it")
            case (float(low), float(high)) if low == high:
                message = f"`{name}` holds for no candidate, whatever the config"
                yield scene.draft.problem("RT217", path, message, "loosen it: the stage would keep nobody")


def together(scene: Scene, bounds: Mapping[KeyPath, object], tried: Tried) -> Iterator[Diagnostic]:
    """Filters of which each lets somebody pass, and all of them nobody: with production, or with any config.
    Found by trying candidates."""
    path = ("stages", scene.stage_name, "filters")
    if any(not isinstance(bounds.get((*path, name)), tuple) for name in scene.stage.filters):
        return
    values = tried.values(scene.stage_name)
    passing = np.ones(1, bool)
    for formula in scene.stage.filters.values():
        passes = tried.compute(scene.stage_name, formula.tree, values, np.float32) != 0
        if not passes.any():
            return  # too narrow a filter for what was tried; or one that nobody passes, which is reported
        passing = passing & passes
    if passing.ndim == 2 and not passing.any():
        message = f"of {passing.size:,} candidates that were tried none passes all filters"
        help = "loosen one of them: the stage would keep nobody"
        yield scene.draft.problem("RT217", path, message, help, part="key")


def boosts(scene: Scene, tried: Tried) -> Iterator[Diagnostic]:
    """Boosts that multiply a score that is negative somewhere. The score must be finite."""
    for name, boosted in _multiplied(scene):
        found = _negative(scene, boosted, tried)
        if found is not None:
            path = ("stages", scene.stage_name, "boosts", name, "multiply")
            message = f"`{name}` multiplies a score that may be negative: {found}"
            help = 'a factor above 1 then lowers it; write add = "...", or keep the score at 0 or above'
            yield scene.draft.problem("RT216", path, message, help)


def _multiplied(scene: Scene) -> Iterator[tuple[str, Node]]:
    """Each boost that multiplies, with the score it multiplies: the boosts stand around it, the last one
    outermost."""
    tree = scene.stage.score.tree
    for name, boost in reversed(list(scene.stage.boosts.items())):
        for operation in (boost.add, boost.multiply):
            if operation is not None and isinstance(tree, Binary):
                tree = tree.left
        if boost.multiply is not None:
            yield name, tree


def _negative(scene: Scene, tree: Node, tried: Tried) -> str | None:
    """A point where a formula is negative, if one is known."""
    region = scene.region([tree])
    if (scene.enclosure(region, region.whole).value(tree).low >= 0).all():
        return None
    try:
        values = tried.values(scene.stage_name)
        computed = tried.compute(scene.stage_name, tree, values, np.float32)
    except KeyError:
        return None
    if not (computed < 0).any():
        return None
    row, column = map(int, np.argwhere(computed < 0)[0])
    where = describe(values, read_through_terms(scene.stage, tree), row, column)
    return f"{computed[row, column]:.4g}{where}"
