"""Everything a stage computes is finite, and its contracts hold: proved, over all configs and signals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rectune_dsl.dsl.checks import contracts, finite, gates, plugins, samples, vectors
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.parts import Part, is_score, readable
from rectune_dsl.dsl.checks.scene import Scene
from rectune_dsl.dsl.checks.tried import Tried
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Call, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.terms import CircularTermsError, ordered, reached

Found = finite.Bounds | Diagnostic


def check(draft: Draft, task: Task, sample: samples.Sample) -> Iterator[Diagnostic]:
    tried, before = Tried(draft, task, sample), None
    yield from plugins.check(draft)
    for stage_name in task.stages:
        scene = Scene(draft, task, stage_name, before)
        found = readable(draft, task, stage_name, before is not None)
        bounds = _bounds(scene, found, tried)
        yield from (b for b in bounds.values() if isinstance(b, Diagnostic))
        yield from gates.filters(scene, bounds)
        yield from gates.together(scene, bounds, tried)
        scores = [bounds[part.path] for part in found if is_score(part) and part.path in bounds]
        before = next((b for b in scores if not isinstance(b, Diagnostic)), None)
        if before is not None:
            yield from contracts.check(scene, tried)
            yield from gates.boosts(scene, tried)


def _bounds(scene: Scene, found: Sequence[Part], tried: Tried) -> dict[KeyPath, Found]:
    """The bounds of each part, or its problem. Most are shown by one look at all of them; a score that is
    made of a part with a problem is left out."""
    region = scene.region([part.tree for part in found])
    everything = region.whole
    if not len(everything):
        return {}
    enclosure = scene.enclosure(region, everything)
    bounds: dict[KeyPath, Found] = {}
    for part in found:
        if is_score(part) and any(isinstance(b, Diagnostic) and _is_made_of(p) for p, b in bounds.items()):
            break
        at_once = enclosure.value(part.tree)
        if at_once.unbounded.any():
            bounds[part.path] = finite.shown(scene, part, tried)
        else:
            bounds[part.path] = float(at_once.low.min()), float(at_once.high.max())
    return bounds


def _is_made_of(path: KeyPath) -> bool:
    """Whether a score may be made of what stands there."""
    return "terms" in path[:3] or "boosts" in path[:3]


def can_be_computed(draft: Draft, stage_name: str, known: Iterable[str]) -> bool:
    stage = draft.task.stages[stage_name]
    if draft.cuts.touch(("stages", stage_name, "score")):
        return False
    try:
        ordered(stage.terms)
    except CircularTermsError:
        return False
    functions = FUNCTIONS.keys() | draft.environment.implementations.keys()
    terms = (f for t, f in stage.terms.items() if t in reached(stage))
    read = [stage.score, *stage.filters.values(), *terms]
    called = {n.function for f in read for n in walk(f.tree) if isinstance(n, Call)}
    is_known = called <= functions and reached(stage) <= {*known, *stage.terms}
    return is_known and all(vectors.fits(f.tree) for f in read)
