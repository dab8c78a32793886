"""A task under check: as much of it as could be understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.formula import Span, names
from rectune_dsl.dsl.model import Param, Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.structure import Cuts
from rectune_dsl.dsl.suggest import nearest
from rectune_dsl.dsl.table import Formula


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
    ) -> Diagnostic:
        """A diagnostic at a key, at its value, or at a span of a formula."""
        place = self.source.locate(path, part)
        if span is not None:
            place = self.source.locate_within(path, span.start, span.end)
        where = (self.source.path, place.line, place.column, place.end_column)
        return Diagnostic(code, message, help, *where, severity=RULES[code].severity)

    def line(self, path: KeyPath) -> int:
        return self.source.locate(path, "key").line

    def params(self) -> Iterator[tuple[str, KeyPath, Param]]:
        """Every tunable number with its place."""
        for stage_name, stage in self.task.stages.items():
            for name, param in stage.params.items():
                if isinstance(param, Param):
                    yield name, ("stages", stage_name, "params", name), param
            if isinstance(stage.keep, Param):
                yield f"{stage_name}.keep", ("stages", stage_name, "keep"), stage.keep

    def formulas(self, stage_name: str) -> Iterator[tuple[KeyPath, Formula]]:
        """What a stage computes for each candidate: its terms, then its score."""
        stage = self.task.stages[stage_name]
        for term, formula in stage.terms.items():
            yield ("stages", stage_name, "terms", term), formula
        yield ("stages", stage_name, "score"), stage.score

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
        return self.signals_of(stage_name) | stage.params.keys() | stage.terms.keys() | before

    def meant(self, stage_name: str) -> frozenset[str]:
        """Names that the stage's formulas misspell, and all words of what was cut (all names, when the
        score was): they count as read, so that a slip is reported once."""
        known = self.readable(stage_name)
        if self.cuts.touch(("stages", stage_name, "score")):
            return known
        read = {n.name for _, formula in self.formulas(stage_name) for n in names(formula.tree)}
        guesses = {nearest(name, known) for name in read - known}
        stage = self.task.stages[stage_name]
        if stage.diversity is not None:
            penalty = {n.name for n in names(stage.diversity.penalty.tree)}
            guesses |= {nearest(name, stage.params) for name in penalty - stage.params.keys()}
        return frozenset(g for g in guesses if g is not None) | self.cuts.words
