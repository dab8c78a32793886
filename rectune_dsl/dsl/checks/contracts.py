"""Whether a score keeps its contracts: by the signs of its slopes, or broken at a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks import samples
from rectune_dsl.dsl.checks.parts import read_through_terms, words
from rectune_dsl.dsl.checks.scene import Scene
from rectune_dsl.dsl.checks.tried import Tried, describe
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Binary, Node, Unary, names
from rectune_dsl.dsl.formula.arithmetic import negative
from rectune_dsl.dsl.formula.intervals import Enclosure
from rectune_dsl.dsl.formula.rounding import Interval
from rectune_dsl.dsl.formula.slopes import Slopes
from rectune_dsl.dsl.proofs import Proved, Refuted, Undecided, Verdict, prove
from rectune_dsl.dsl.regions import Boxes, Region

Array = NDArray[Any]

_ROUNDING = 1e-9  # relative to the largest score of the point
_STEEPEST = 1e30


def check(scene: Scene, tried: Tried) -> Iterator[Diagnostic]:
    """The problems of a stage's contracts. The previous `score` is held fixed, whatever it is."""
    tree = scene.stage.score.tree
    region = scene.region([tree])
    whole = region.whole
    enclosure = scene.enclosure(region, whole)
    read = read_through_terms(scene.stage, tree)
    for name in scene.stage.expect:
        # a score that does not read the signal keeps any contract
        if name not in read or name not in scene.draft.signals_of(scene.stage_name):
            continue
        claim = _Contract(scene, name, region)
        if len(whole) and claim.verdict(enclosure, len(whole)).deficit.any():
            problem = _problem(scene, name, claim, tried)
            if problem is not None:
                yield problem


def _problem(scene: Scene, signal: str, claim: _Contract, tried: Tried) -> Diagnostic | None:
    if (found := _counterexample(scene, signal, tried)) is not None:
        return found
    match prove(claim.region, claim, scene.effort(scene.stage.score.tree)):
        case Proved():
            return None
        case Refuted(problem):
            return problem
        case Undecided(node=node):
            return _undecided(scene, signal, node)


class _Contract:
    """The claim that a score never falls, or never rises, when a signal rises."""

    def __init__(self, scene: Scene, signal: str, region: Region) -> None:
        self._scene, self._signal, self._tree = scene, signal, scene.stage.score.tree
        self._sign = 1 if scene.stage.expect[signal] == "nondecreasing" else -1
        self.region = region

    def judge(self, boxes: Boxes) -> Verdict:
        return self.verdict(self._scene.enclosure(self.region, boxes), len(boxes))

    def verdict(self, enclosure: Enclosure, boxes: int) -> Verdict:
        """The same of an enclosure over `boxes` boxes."""
        slopes = self._slopes(enclosure)
        low = np.broadcast_to(_towards(slopes.slope(self._tree), self._sign).low, boxes)
        deficit = np.clip(-low, 0.0, _STEEPEST)
        if not deficit.any():
            return Verdict(deficit, None, ())
        node = _blamed(slopes, self._tree, self._sign)
        read = read_through_terms(self._scene.stage, node)
        tied = {n.name for tree in self.region.constraints for n in names(tree)}
        return Verdict(deficit, node, read | tied)

    def refuted(self, boxes: Boxes) -> Diagnostic | None:
        sample = self._scene.points(self.region, boxes)
        if sample is None:
            return None
        return _counterexample(self._scene, self._signal, Tried(self._scene.draft, self._scene.task, sample))

    def _slopes(self, enclosure: Enclosure) -> Slopes:
        own = self._scene.task.signals[self._signal].kind in ("prediction", "item")
        return Slopes(enclosure, self._signal, own)


def _towards(slope: Interval, sign: int) -> Interval:
    return slope if sign > 0 else negative(slope)


def _blamed(slopes: Slopes, node: Node, sign: int) -> Node:
    """The summand that is in the way."""
    match node:
        case Binary("+" | "-" as op, left, right):
            sides = [(left, sign), (right, sign if op == "+" else -sign)]
        case Unary(op, operand):
            sides = [(operand, sign if op == "+" else -sign)]
        case _:
            return node
    for side, towards in sides:
        if (_towards(slopes.slope(side), towards).low < 0).any():
            return _blamed(slopes, side, towards)
    return node


def _counterexample(scene: Scene, signal: str, tried: Tried) -> Diagnostic | None:
    try:
        values = tried.values(scene.stage_name)
        varied, steps = _varied(scene, signal, values)
        scores = tried.compute(scene.stage_name, scene.stage.score.tree, varied, np.float64)[..., 0]
    except KeyError:
        return None
    sign = 1 if scene.stage.expect[signal] == "nondecreasing" else -1
    with np.errstate(invalid="ignore"):
        gains = sign * np.diff(scores, axis=1)
        slack = _ROUNDING * np.maximum(1e-300, np.abs(scores).max(axis=1, keepdims=True))
        if not (gains < -slack).any():
            return None
        row, step = map(int, np.unravel_index(np.nanargmin(gains / slack), gains.shape))
    moves = "falls" if sign > 0 else "rises"
    here, there = scores[row, step], scores[row, step + 1]
    others = {n: v for n, v in values.items() if n != signal}
    where = describe(others, read_through_terms(scene.stage, scene.stage.score.tree), row, 0)
    message = (
        f"not {scene.stage.expect[signal]}: the score {moves} from {here:.6g} to {there:.6g} when `{signal}` "
        f"goes from {steps[step]:.4g} to {steps[step + 1]:.4g}{where}"
    )
    help = "change the formula or the bounds of its params, or give up the contract"
    return scene.draft.problem("RT209", _path(scene, signal), message, help)


def _varied(scene: Scene, signal: str, values: dict[str, Any]) -> tuple[dict[str, Any], Array]:
    """The signal at several values over its domain, at every point; what is not request-wide needs one
    candidate only."""
    read = read_through_terms(scene.stage, scene.stage.score.tree)
    wide = samples.is_request_wide(scene.stage)
    points = samples.POINTS // 4 if wide else samples.POINTS
    arrays = {
        n: v if wide else v[:, :1] for n, v in values.items() if n in read and isinstance(v, np.ndarray)
    }
    constants = {n: v for n, v in values.items() if not isinstance(v, np.ndarray)}
    varied, steps = samples.vary(arrays, signal, scene.task.signals[signal], points)
    return {**constants, **varied}, steps


def _undecided(scene: Scene, signal: str, node: Node | None) -> Diagnostic:
    part = words(scene.stage.score, node if node is not None else scene.stage.score.tree)
    message = f"could not be shown to be {scene.stage.expect[signal]} in `{signal}`: `{part}` is in doubt"
    help = (
        "write that part so that its direction shows: a curve(...) whose values are ordered, min and max "
        "instead of where, factors that keep their sign; or give up the contract"
    )
    return scene.draft.problem("RT212", _path(scene, signal), message, help)


def _path(scene: Scene, signal: str) -> tuple[str, ...]:
    return ("stages", scene.stage_name, "expect", signal)
