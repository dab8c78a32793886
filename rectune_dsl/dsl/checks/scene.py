"""What a stage's formulas are enclosed over: its params within their bounds, its signals in their domains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.parts import read_through_terms
from rectune_dsl.dsl.checks.samples import Sample
from rectune_dsl.dsl.checks.sound import settings
from rectune_dsl.dsl.formula import Compare, Node, evaluate, names, walk
from rectune_dsl.dsl.formula.intervals import Enclosure, Plugins
from rectune_dsl.dsl.formula.rounding import Interval, interval
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.proofs import MOST_BOXES
from rectune_dsl.dsl.regions import Axis, Boxes, Region
from rectune_dsl.dsl.stages import Stage

_ORDINARY = 30
"""Parts of a formula of ordinary length."""
_CORNERS = 2
"""Random corners of each box that are tried, besides its first, its last and its middle."""


@dataclass(frozen=True)
class Scene:
    """A stage, and the bounds of the score of the stage before; None where there is none."""

    draft: Draft
    task: Task
    stage_name: str
    score: tuple[float, float] | None

    def effort(self, tree: Node) -> int:
        """Boxes that a proof about a formula may look at: fewer for long formulas, as each takes longer."""
        terms = read_through_terms(self.stage, tree) & self.stage.terms.keys()
        size = sum(1 for t in (tree, *(self.stage.terms[n].tree for n in terms)) for _ in walk(t))
        return max(2, MOST_BOXES * _ORDINARY // max(size, _ORDINARY))

    @property
    def stage(self) -> Stage:
        return self.task.stages[self.stage_name]

    def region(self, trees: Iterable[Node]) -> Region:
        """What formulas read, and what constraints tie to it."""
        read = frozenset[str]().union(*(read_through_terms(self.stage, tree) for tree in trees))
        params = self.task.params
        tied = [
            c.tree
            for c in self.task.constraints.values()
            if isinstance(c.tree, Compare) and read & params.keys() & set(c.reads)
        ]
        read |= {n.name for tree in tied for n in names(tree)}
        sorted_names = [(order, way) for order, way in self.task.ordered.values() if read & set(order)]
        read |= {name for order, _ in sorted_names for name in order}
        constants = {n: v for n, v in {**settings(self.task), **self.stage.constants}.items() if n in read}
        axes = {n: a for n, a in self._axes().items() if n in read}
        constants = {n: v for n, v in constants.items() if n not in axes}
        return Region(axes, constants, tuple(tied), tuple(sorted_names))

    def enclosure(self, region: Region, boxes: Boxes) -> Enclosure:
        terms = {name: formula.tree for name, formula in self.stage.terms.items()}
        environment = self.draft.environment
        plugins = Plugins(environment.functions, environment.implementations)
        names, facts = region.intervals(boxes), region.facts(boxes)
        return Enclosure(names, terms, plugins, facts, others=self._of_candidates(region))

    def points(self, region: Region, boxes: Boxes) -> Sample | None:
        """Ends, corners and middles of boxes, with all else at production or in the middle; None where no
        config can be at any of them."""
        generator = np.random.Generator(np.random.Philox(key=len(boxes)))
        corners = [generator.random(boxes.low.shape) < 0.5 for _ in range(_CORNERS)]
        places = [boxes.low, boxes.high, boxes.low / 2 + boxes.high / 2]
        places += [np.where(corner, boxes.low, boxes.high) for corner in corners]
        at = dict(zip(region.axes, np.concatenate(places).T[:, :, np.newaxis], strict=True))
        rows = len(places) * len(boxes)
        params = {n: at.get(n, np.full((rows, 1), p.production)) for n, p in self.task.params.items()}
        for name, param in self.task.params.items():
            params[name] = np.round(params[name]) if param.type == "int" else params[name]
        for order, way in self.task.ordered.values():
            ranked = np.sort(np.stack([params[name] for name in order]), axis=0)
            params |= dict(zip(order, ranked if way == "nondecreasing" else ranked[::-1], strict=True))
        keeps = np.ones((rows, 1), bool)
        for constraint in self.task.constraints.values():
            keeps &= np.asarray(evaluate(constraint.tree, {**settings(self.task), **params})) != 0
        if not keeps.any():
            return None
        signals = {
            n: at.get(n, np.full((rows, 1), (s.domain[0] + s.domain[1]) / 2))[keeps[:, 0]]
            for n, s in self.task.signals.items()
        }
        return Sample({n: v[keeps[:, 0]] for n, v in params.items()}, signals)

    def _of_candidates(self, region: Region) -> dict[str, Interval]:
        """What differs between the candidates of a request, within the bounds of all of them."""
        kinds = {name: signal.kind for name, signal in self.task.signals.items()} | {"score": "prediction"}
        return {
            name: interval([axis.low], [axis.high])
            for name, axis in region.axes.items()
            if kinds.get(name) in ("prediction", "item")
        }

    def _axes(self) -> dict[str, Axis]:
        provided = self.draft.signals_of(self.stage_name)
        axes = {n: Axis(*s.domain) for n, s in self.task.signals.items() if n in provided}
        for name, p in self.task.params.items():
            axes[name] = Axis(p.low, p.high, p.scale == "log", p.type == "int")
        if self.score is not None:
            axes["score"] = Axis(*self.score)
        return axes
