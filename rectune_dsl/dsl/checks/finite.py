"""Whether everything a stage computes is finite, for every config and signal: shown, or refuted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks.parts import Part, read_through_terms, words
from rectune_dsl.dsl.checks.scene import Scene
from rectune_dsl.dsl.checks.tried import Tried, describe
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Binary, Call, Node, names, to_text, walk
from rectune_dsl.dsl.proofs import Proved, Refuted, Undecided, Verdict, prove
from rectune_dsl.dsl.regions import Boxes, Region

Array = NDArray[Any]
Bounds = tuple[float, float]

_HELPS: Mapping[str, str] = {
    "/": "keep the divisor away from 0, as in x / max(y, 0.01)",
    "**": "keep the base above 0 or the exponent at 0 and above, as in max(x, 0.001) ** a",
    "log": "keep its argument above 0, as in log(max(x, 0.000001)) or log(x + 0.01)",
    "log1p": "keep its argument above -1, as in log1p(max(x, 0))",
    "sqrt": "keep its argument at 0 or above, as in sqrt(max(x, 0))",
    "exp": "keep its argument below 88, as in exp(min(x, 50)); the largest float32 is 3.4e38",
}
_OTHER_HELP = "keep it below 3.4e38, the largest float32, as in min(x, 1000000)"


def shown(scene: Scene, part: Part, tried: Tried) -> Bounds | Diagnostic:
    """The bounds of a part that is finite everywhere, or the problem that it is not, or may not be."""
    if (found := _counterexample(scene, part, tried)) is not None:
        return found
    claim = _Finite(scene, part)
    match prove(claim.region, claim, scene.effort(part.tree)):
        case Proved():
            return claim.bounds
        case Refuted(problem):
            return problem
        case Undecided() as undecided:
            return _undecided(scene, part, claim.region, undecided)


class _Finite:
    """The claim that a part is finite. Gathers its `bounds` as it is shown."""

    def __init__(self, scene: Scene, part: Part) -> None:
        self._scene, self._part = scene, part
        self.region = scene.region([part.tree])
        self.bounds: Bounds = (np.inf, -np.inf)
        deciding = [*_conditions(part.tree), *self.region.constraints]
        self._deciding = {n.name for tree in deciding for n in names(tree)}

    def judge(self, boxes: Boxes) -> Verdict:
        enclosure = self._scene.enclosure(self.region, boxes)
        found = enclosure.value(self._part.tree)
        bad = np.broadcast_to(found.unbounded, len(boxes))
        if not bad.all():
            good = ~np.broadcast_to(found.unbounded, found.low.shape)
            low, high = found.low[good].min(), found.high[good].max()
            self.bounds = min(self.bounds[0], float(low)), max(self.bounds[1], float(high))
        at = [fault.node for fault in enclosure.faults]
        read = {n for node in at for n in read_through_terms(self._scene.stage, node)}
        return Verdict(bad.astype(np.float64), at[0] if at else None, read | self._deciding)

    def refuted(self, boxes: Boxes) -> Diagnostic | None:
        sample = self._scene.points(self.region, boxes)
        if sample is None:
            return None
        return _counterexample(self._scene, self._part, Tried(self._scene.draft, self._scene.task, sample))


def _conditions(tree: Node) -> list[Node]:
    calls = (node for node in walk(tree) if isinstance(node, Call))
    return [call.arguments[0] for call in calls if call.function == "where"]


def _counterexample(scene: Scene, part: Part, tried: Tried) -> Diagnostic | None:
    try:
        values = tried.values(scene.stage_name)
        computed = tried.compute(scene.stage_name, part.tree, values, np.float32)
    except KeyError:
        return None
    bad = np.argwhere(~np.isfinite(computed))
    if not len(bad):
        return None
    row, column = map(int, bad[0])
    where = describe(values, read_through_terms(scene.stage, part.tree), row, column)
    message = f"{part.title} is {computed[row, column]}{where}"
    help = "keep logarithms, divisions and powers away from 0 and from overflow, as in log(x + 0.01)"
    return scene.draft.problem("RT207", part.path, message, help)


def _undecided(scene: Scene, part: Part, region: Region, undecided: Undecided) -> Diagnostic:
    node = undecided.node if undecided.node is not None else part.tree
    # a part of a term that this formula reads stands elsewhere
    is_here = any(node is one for one in walk(part.tree))
    text = words(part.formula, node) if is_here else to_text(node)
    where = _box(region, read_through_terms(scene.stage, node), undecided)
    message = f"{part.title} could not be shown to be finite: `{text}` may not be{where}"
    kind = node.function if isinstance(node, Call) else node.op if isinstance(node, Binary) else ""
    span = node.span if is_here else None
    return scene.draft.problem("RT211", part.path, message, _HELPS.get(kind, _OTHER_HELP), span=span)


def _box(region: Region, read: frozenset[str], undecided: Undecided) -> str:
    ends = zip(region.axes, undecided.low, undecided.high, strict=True)
    shown = [f"{name} in [{low:.4g}, {high:.4g}]" for name, low, high in ends if name in read]
    return f" where {', '.join(shown[:6])}" if shown else ""
