"""Names: written so that a formula can read them, with one meaning each, known where they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rectune_dsl.dsl import edits
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.formula import Name, is_name, names
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.suggest import did_you_mean, misspelt
from rectune_dsl.dsl.table import Formula

_METRIC = re.compile(r"[A-Za-z_][\w.-]*")


_ELEMENT = re.compile(r"(?P<vector>\w+)\[(?P<index>\d+)\]")


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
    tables = (draft.task.stages, draft.task.segments, draft.task.sources)
    named = [(t, n) for t, owners in zip(_TABLES, tables, strict=True) for n in owners]
    for path in [*named, *(path for _, path, _ in _meanings(draft))]:
        if not is_name(str(path[-1])):
            message = f"`{path[-1]}` cannot be written in a formula"
            help = "use letters, digits and _, beginning with a letter"
            yield draft.problem("RT106", path, message, help, part="key", fix=_plain(draft, path))
    for table in ("metrics", "guardrails"):
        for name in getattr(draft.task, table):
            if not _METRIC.fullmatch(name):
                message = f"`{name}` is no name for a metric"
                path, help = (table, name), "use letters, digits, _, - and ."
                yield draft.problem("RT106", path, message, help, part="key", fix=_plain(draft, path))


def _plain(draft: Draft, path: KeyPath) -> Fix | None:
    """The same name in letters and digits that a formula can read."""
    plain = edits.name(str(path[-1]))
    return draft.mend.rename(path, plain) if is_name(plain) else None


_TABLES = ("stages", "segments", "sources")


def _clashes(draft: Draft) -> Iterator[Diagnostic]:
    """A term may have the same name in several stages: each reads its own. Nothing else may."""
    seen: dict[str, tuple[str, KeyPath]] = {}
    functions = {**FUNCTIONS, **draft.environment.functions}
    for name, path, kind in _meanings(draft):
        first_kind, first_path = seen.setdefault(name, (kind, path))
        help = f"rename one of them, here and in its formulas, such as `{path[1]}_{name}`"
        if name == "score":
            message, help = "`score` is the previous stage's score", "choose another name, such as `value`"
        elif name in functions:
            message, help = f"`{name}` is a function", f"choose another name, such as `{name}_value`"
        elif first_path != path and not (first_kind == kind == "a term"):
            message = f"`{name}` is {kind} here and {first_kind} in line {draft.line(first_path)}"
        else:
            continue
        yield draft.problem("RT109", path, message, help, part="key")
    yield from _owners(draft)


def _owners(draft: Draft) -> Iterator[Diagnostic]:
    """Stages, segments and sources own params as `OWNER.param`, so no two of them share a name."""
    seen: dict[str, KeyPath] = {}
    for table in _TABLES:
        for name in getattr(draft.task, table):
            first = seen.setdefault(name, (table, name))
            if first != (table, name):
                message = (
                    f"`{name}` is one of the {table} here, and of the {first[0]} in line {draft.line(first)}"
                )
                yield draft.problem("RT109", (table, name), message, "rename one of them", part="key")


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
    for name in names(formula.written):
        if name.name in known | draft.cuts.keys | reported or _vector_of(name.name) in draft.cuts.keys:
            continue
        reported.add(name.name)
        code, message, help = _elsewhere(draft, stage_name, name.name) or _nowhere(draft, name, known)
        fix = _spelt(draft, path, formula, name.name, known) if code == "RT202" else None
        if code == "RT214":
            fix = draft.mend.within(path, name.span.start, name.span.end, _vector_of(name.name))
        yield draft.problem(code, path, message, help, span=name.span, fix=fix)


def _spelt(draft: Draft, path: KeyPath, formula: Formula, name: str, known: Iterable[str]) -> Fix | None:
    """The name that was meant, wherever the formula misspells it."""
    guess = misspelt(name, known)
    if guess is None or name in FUNCTIONS:
        return None
    spans = [n.span for n in names(formula.written) if n.name == name]
    fixes = [draft.mend.within(path, span.start, span.end, guess) for span in spans]
    return tuple(edit for fix in fixes if fix for edit in fix) if all(fixes) else None


def _elsewhere(draft: Draft, stage_name: str, name: str) -> tuple[str, str, str] | None:
    """What to say of a name that means something, but not in this stage."""
    if name == "score":
        return "RT203", "the first stage has no `score` to read", "remove it: `score` is the previous stage's"
    if (signal := draft.task.signals.get(name)) is not None:
        stages = ", ".join(f"`{s}`" for s in signal.stages or ())
        message = f"signal `{name}` is not provided in stage `{stage_name}`, only in {stages or 'none'}"
        return "RT203", message, f'add "{stage_name}" to its stages, if the stage has it'
    for other_name, other in draft.task.stages.items():
        kinds = (("param", other.params.keys()), ("term", other.terms.keys()))
        for kind, there in kinds:
            if name in there:
                message = f"`{name}` is a {kind} of stage `{other_name}`"
                other_kind = "one of another name" if kind == "param" else "one"
                return "RT203", message, f"stages do not share {kind}s; add {other_kind} to `{stage_name}`"
        if name == f"{other_name}.keep" or name.partition(".")[0] in draft.task.sources:
            return "RT203", f"`{name}` is a count, not a value of a candidate", "read it in [constraints]"
    return None


def _nowhere(draft: Draft, name: Name, known: frozenset[str]) -> tuple[str, str, str]:
    if (element := _ELEMENT.fullmatch(name.name)) and (vector := element["vector"]) in known:
        last = sum(other.startswith(f"{vector}[") for other in known) - 1
        if last < 0:
            return "RT214", f"`{vector}` is one number, not a vector", f"write `{vector}`"
        message = f"`{vector}` has no number {element['index']}"
        return "RT202", message, f"they are counted from 0: `{vector}[0]` to `{vector}[{last}]`"
    message = f"`{name.name}` is neither signal, param nor term"
    if name.name in FUNCTIONS or name.name in draft.environment.functions:
        return "RT202", message, f"{name.name} is a function: write {name.name}(...)"
    return "RT202", message, did_you_mean(name.name, known)


def _vector_of(name: str) -> str:
    return name.partition("[")[0]


def _penalty(draft: Draft, stage_name: str, penalty: Formula) -> Iterator[Diagnostic]:
    stage = draft.task.stages[stage_name]
    params = stage.params.keys() | stage.tunable.keys() | stage.constants.keys()
    path = ("stages", stage_name, "diversity", "penalty")
    for name in names(penalty.written):
        if name.name in params or _vector_of(name.name) in draft.cuts.keys:
            continue
        fix, help = None, f"read params only: {did_you_mean('', params) or 'the stage has none'}"
        if name.name in draft.readable(stage_name) or _elsewhere(draft, stage_name, name.name):
            code, message = "RT312", f"`{name.name}` is not a param of stage `{stage_name}`"
        else:
            code, message, _ = _nowhere(draft, name, frozenset())
            fix, help = (
                _spelt(draft, path, penalty, name.name, params),
                did_you_mean(name.name, params) or help,
            )
        yield draft.problem(code, path, message, help, span=name.span, fix=fix)
