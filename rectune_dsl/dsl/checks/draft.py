"""A task under check: as much of it as could be understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.formula import Span, names
from rectune_dsl.dsl.mend import Mender
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param, Value, VectorParam
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.structure import Cuts
from rectune_dsl.dsl.suggest import nearest
from rectune_dsl.dsl.table import Formula


@dataclass(frozen=True)
class Tuned:
    """A number with bounds: its name in configs, and the table it stands in; `element` counts in a vector."""

    name: str
    param: Param
    path: KeyPath
    value: Param | VectorParam
    element: int = 0

    def at(self, key: str) -> KeyPath:
        """The place of its `production`, `low` or `high`."""
        is_list = isinstance(getattr(self.value, key, None), tuple)
        return (*self.path, key, self.element) if is_list else (*self.path, key)

    def as_constant(self, mend: Mender) -> Fix | None:
        """The number that serves today in the place of the table; None for a part of a vector."""
        if isinstance(self.value, VectorParam):
            return None
        text = mend.written((*self.path, "production"))
        return mend.text(self.path, text) if text is not None else None


@dataclass(frozen=True)
class Draft:
    source: Source
    task: Task
    environment: Environment
    cuts: Cuts

    def problem(
        self,
        code: str,
        path: KeyPath,
        message: str,
        help: str = "",
        *,
        part: Literal["value", "key"] = "value",
        span: Span | None = None,
        fix: Fix | None = None,
    ) -> Diagnostic:
        """A diagnostic at a key, at its value, or at a span of a formula; `mend` makes its fix."""
        place = self.source.locate(path, part)
        if span is not None:
            place = self.source.locate_within(path, span.start, span.end)
        where = (place.path, place.line, place.column, place.end_column)
        return Diagnostic(code, message, help, *where, severity=RULES[code].severity, fix=fix)

    @property
    def mend(self) -> Mender:
        return Mender(self.source)

    def line(self, path: KeyPath) -> int:
        return self.source.locate(path, "key").line

    def tables(self) -> Iterator[tuple[KeyPath, str, Value]]:
        """Every param as it is written: its place, its name in configs, its value."""
        for stage_name, stage in self.task.stages.items():
            for name, value in stage.params.items():
                yield ("stages", stage_name, "params", name), name, value
            if isinstance(stage.keep, Param):
                yield ("stages", stage_name, "keep"), f"{stage_name}.keep", stage.keep
        for segment_name, segment in self.task.segments.items():
            for name, value in segment.params.items():
                yield ("segments", segment_name, "params", name), f"{segment_name}.{name}", value
        for source_name, source in self.task.sources.items():
            for key in ("min", "max"):
                if isinstance(quota := getattr(source, key), Param):
                    yield ("sources", source_name, key), f"{source_name}.{key}", quota

    def params(self) -> Iterator[Tuned]:
        """Every number with bounds, those of vectors one by one."""
        for path, name, value in self.tables():
            if isinstance(value, VectorParam):
                for i, (element, param) in enumerate(value.elements(name).items()):
                    yield Tuned(element, param, path, value, i)
            elif isinstance(value, Param):
                yield Tuned(name, value, path, value)

    def formulas(self, stage_name: str) -> Iterator[tuple[KeyPath, Formula]]:
        """What a stage computes for each candidate: its terms, filters, score and boosts."""
        stage, path = self.task.stages[stage_name], ("stages", stage_name)
        for term, formula in stage.terms.items():
            yield (*path, "terms", term), formula
        for name, formula in stage.filters.items():
            yield (*path, "filters", name), formula
        yield (*path, "score"), stage.score
        for name, boost in stage.boosts.items():
            for key in ("when", "multiply", "add"):
                if (part := getattr(boost, key)) is not None:
                    yield (*path, "boosts", name, key), part

    def is_first(self, stage_name: str) -> bool:
        whole_stage_cut = any(path[0] == "stages" and len(path) == 2 for path in self.cuts.paths)
        return stage_name == next(iter(self.task.stages)) and not whole_stage_cut

    def signals_of(self, stage_name: str) -> frozenset[str]:
        """Signals that a stage's formulas may read."""
        signals = self.task.signals.items()
        return frozenset(n for n, s in signals if s.stages is None or stage_name in s.stages)

    def readable(self, stage_name: str) -> frozenset[str]:
        """Every name that a stage's formulas may read."""
        stage = self.task.stages[stage_name]
        before = frozenset() if self.is_first(stage_name) else frozenset({"score"})
        numbers = stage.params.keys() | stage.tunable.keys() | stage.constants.keys()
        return self.signals_of(stage_name) | numbers | stage.terms.keys() | before

    def meant(self, stage_name: str) -> frozenset[str]:
        """Names that the stage's formulas misspell, and all words of what was cut (all names, when the
        score was): they count as read, so that a slip is reported once."""
        known = self.readable(stage_name)
        if self.cuts.touch(("stages", stage_name, "score")):
            return known
        read = {n.name for _, formula in self.formulas(stage_name) for n in names(formula.written)}
        guesses = {nearest(name, known) for name in read - known}
        stage = self.task.stages[stage_name]
        if stage.diversity is not None:
            penalty = {n.name for n in names(stage.diversity.penalty.written)}
            guesses |= {nearest(name, stage.params) for name in penalty - stage.params.keys()}
        return frozenset(g for g in guesses if g is not None) | self.cuts.words
