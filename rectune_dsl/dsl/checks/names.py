"""Names: written so that a formula can read them, with one meaning each, known where they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Name, is_name, names
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.table import Formula

_METRIC = re.compile(r"[A-Za-z_][\w.-]*")


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _shapes(draft)
    yield from _clashes(draft)
    for stage_name, stage in draft.task.stages.items():
        for path, formula in draft.formulas(stage_name):
            yield from _unknown(draft, stage_name, path, formula)
        if stage.diversity is not None:
            yield from _penalty(draft, stage_name, stage.diversity.penalty)


# --- how names are written, and what they stand for ----------------------------------------------


def _shapes(draft: Draft) -> Iterator[Diagnostic]:
    stages = [("stages", name) for name in draft.task.stages]
    for path in [*stages, *(path for _, path, _ in _meanings(draft))]:
        if not is_name(str(path[-1])):
            message = f"`{path[-1]}` cannot be written in a formula"
            yield draft.problem(
                "RT106", path, message, "use letters, digits and _, beginning with a letter", part="key"
            )
    for table in ("metrics", "guardrails"):
        for name in getattr(draft.task, table):
            if not _METRIC.fullmatch(name):
                message = f"`{name}` is no name for a metric"
                yield draft.problem(
                    "RT106", (table, name), message, "use letters, digits, _, - and .", part="key"
                )


def _clashes(draft: Draft) -> Iterator[Diagnostic]:
    """A term may have the same name in several stages: each reads its own. Nothing else may."""
    seen: dict[str, tuple[str, KeyPath]] = {}
    functions = {**FUNCTIONS, **draft.environment.functions}
    for name, path, kind in _meanings(draft):
        first_kind, first_path = seen.setdefault(name, (kind, path))
        help = "rename one of them"
        if name == "score":
            message, help = "`score` is the previous stage's score", "choose another name"
        elif name in functions:
            message, help = f"`{name}` is a function", "choose another name"
        elif first_path != path and not (first_kind == kind == "a term"):
            message = f"`{name}` is {kind} here and {first_kind} in line {draft.line(first_path)}"
        else:
            continue
        yield draft.problem("RT109", path, message, help, part="key")


def _meanings(draft: Draft) -> Iterator[tuple[str, KeyPath, str]]:
    """Name, place and kind of everything a formula may read."""
    for name in draft.task.signals:
        yield name, ("signals", name), "a signal"
    for stage_name, stage in draft.task.stages.items():
        for name in stage.params:
            yield name, ("stages", stage_name, "params", name), "a param"
        for name in stage.terms:
            yield name, ("stages", stage_name, "terms", name), "a term"


# --- what formulas read ----------------------------------------------------------------------------


def _unknown(draft: Draft, stage_name: str, path: KeyPath, formula: Formula) -> Iterator[Diagnostic]:
    known = draft.readable(stage_name)
    reported: set[str] = set()
    for name in names(formula.tree):
        if name.name in known | draft.cuts.keys | reported:
            continue
        reported.add(name.name)
        code, message, help = _elsewhere(draft, stage_name, name.name) or _nowhere(draft, name, known)
        yield draft.problem(code, path, message, help, span=name.span)


def _elsewhere(draft: Draft, stage_name: str, name: str) -> tuple[str, str, str] | None:
    """What to say of a name that means something, but not in this stage."""
    if name == "score":
        return "RT203", "the first stage has no `score` to read", "`score` is the previous stage's"
    if (signal := draft.task.signals.get(name)) is not None:
        stages = ", ".join(f"`{s}`" for s in signal.stages or ())
        message = f"signal `{name}` is not provided in stage `{stage_name}`, only in {stages or 'none'}"
        return "RT203", message, f'add "{stage_name}" to its stages, if the stage has it'
    for other_name, other in draft.task.stages.items():
        kinds = (("param", other.params.keys()), ("term", other.terms.keys()))
        for kind, there in kinds:
            if name in there:
                message = f"`{name}` is a {kind} of stage `{other_name}`"
                return "RT203", message, f"stages do not share {kind}s; add one to `{stage_name}`"
        if name == f"{other_name}.keep":
            return "RT203", f"`{name}` is a count, not a value of a candidate", "read it in [constraints]"
    return None


def _nowhere(draft: Draft, name: Name, known: frozenset[str]) -> tuple[str, str, str]:
    message = f"`{name.name}` is neither signal, param nor term"
    if name.name in FUNCTIONS or name.name in draft.environment.functions:
        return "RT202", message, f"{name.name} is a function: write {name.name}(...)"
    return "RT202", message, did_you_mean(name.name, known)


def _penalty(draft: Draft, stage_name: str, penalty: Formula) -> Iterator[Diagnostic]:
    params = draft.task.stages[stage_name].params
    path = ("stages", stage_name, "diversity", "penalty")
    for name in names(penalty.tree):
        if name.name in params or name.name in draft.cuts.keys:
            continue
        if name.name in draft.readable(stage_name) or _elsewhere(draft, stage_name, name.name):
            code, message = "RT312", f"`{name.name}` is not a param of stage `{stage_name}`"
        else:
            code, message, _ = _nowhere(draft, name, frozenset())
        yield draft.problem(code, path, message, did_you_mean(name.name, params), span=name.span)
