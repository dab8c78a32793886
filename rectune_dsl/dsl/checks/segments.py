"""Segments: users or requests told apart by their own signals, who have something of their own."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.formula import Call, Name, names, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.params import Param, Value, VectorParam
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.stages import Segment
from rectune_dsl.dsl.suggest import did_you_mean, misspelt


def check(draft: Draft) -> Iterator[Diagnostic]:
    for name, segment in draft.task.segments.items():
        path = ("segments", name)
        yield from _when(draft, path, segment)
        for param, value in segment.params.items():
            yield from _override(draft, (*path, "params", param), value)
        yield from _guardrails(draft, path, segment)
        if not segment.params and not segment.guardrails and not draft.cuts.touch(path):
            message = f"segment `{name}` has no param and no guardrail of its own"
            help, fix = "remove it, or give it one", draft.mend.remove(path)
            yield draft.problem("RT604", path, message, help, part="key", fix=fix)


def _when(draft: Draft, path: KeyPath, segment: Segment) -> Iterator[Diagnostic]:
    told_apart_by = {n for n, s in draft.task.signals.items() if s.kind in ("user", "request")}
    help = "read user and request signals only"
    for node in walk(segment.when.written):
        if isinstance(node, Call) and node.function in REQUEST_WIDE:
            message = f"a segment cannot call `{node.function}`, which compares candidates"
            yield draft.problem("RT601", (*path, "when"), message, help, span=node.span)
    for read in names(segment.when.written):
        if read.name in told_apart_by or read.name in draft.cuts.keys:
            yield from _provided(draft, path, segment, read)
        elif read.name in draft.task.signals:
            kind = draft.task.signals[read.name].kind
            message = f"`{read.name}` (kind {kind}) differs between the candidates of one request"
            yield draft.problem("RT601", (*path, "when"), message, help, span=read.span)
        else:
            message = f"`{read.name}` is neither a user signal nor a request signal"
            help = did_you_mean(read.name, told_apart_by) or 'declare one: is_new = { kind = "user" }'
            fix = _spelt(draft, path, segment, read, told_apart_by)
            yield draft.problem("RT601", (*path, "when"), message, help, span=read.span, fix=fix)
    if not names(segment.when.written):
        message = "the segment reads no signal: it is everybody or nobody"
        yield draft.problem("RT601", (*path, "when"), message, help)


def _spelt(draft: Draft, path: KeyPath, segment: Segment, read: Name, known: set[str]) -> Fix | None:
    guess = misspelt(read.name, known)
    return draft.mend.within((*path, "when"), read.span.start, read.span.end, guess) if guess else None


def _provided(draft: Draft, path: KeyPath, segment: Segment, read: Name) -> Iterator[Diagnostic]:
    """The signal must be there in every stage whose params the segment overrides."""
    signal = draft.task.signals.get(read.name)
    for stage_name, stage in draft.task.stages.items():
        if signal is None or signal.stages is None or stage_name in signal.stages:
            continue
        if not segment.params.keys().isdisjoint(stage.params):
            message = f"`{read.name}` is not provided in stage `{stage_name}`, where the segment has a param"
            help = f'add "{stage_name}" to the stages of [signals] {read.name}'
            there = [s for s in draft.task.stages if s in signal.stages or s == stage_name]
            fix = draft.mend.value(("signals", read.name, "stages"), there)
            yield draft.problem("RT203", (*path, "when"), message, help, span=read.span, fix=fix)


def _override(draft: Draft, path: KeyPath, value: Value) -> Iterator[Diagnostic]:
    name = str(path[-1])
    bases = [stage.params[name] for stage in draft.task.stages.values() if name in stage.params]
    if not bases:
        known = {param for stage in draft.task.stages.values() for param in stage.params}
        if name not in draft.cuts.keys:
            message = f"no stage has a param `{name}`"
            guess = misspelt(name, known)
            fix = draft.mend.rename(path, guess) if guess else None
            yield draft.problem("RT602", path, message, did_you_mean(name, known), part="key", fix=fix)
    elif _length(bases[0]) != _length(value):
        message = f"`{name}` is {_shape(bases[0])}, and {_shape(value)} here"
        yield draft.problem("RT602", path, message, f"write {_shape(bases[0])}")


def _length(value: Value) -> int | None:
    if isinstance(value, VectorParam):
        return len(value.production)
    return len(value) if isinstance(value, tuple) else None


def _shape(value: Value) -> str:
    count = _length(value)
    if count is None:
        return "a number with bounds" if isinstance(value, Param) else "one number"
    return f"a vector of {count}"


def _guardrails(draft: Draft, path: KeyPath, segment: Segment) -> Iterator[Diagnostic]:
    requests = {n for n, s in draft.task.signals.items() if s.kind == "request"}
    if segment.guardrails and (read := sorted(requests & {n.name for n in names(segment.when.written)})):
        message = f"metrics are measured per user, and `{read[0]}` changes from request to request"
        help = "tell the segment's users apart by user signals, or drop its guardrails"
        yield draft.problem("RT603", (*path, "guardrails"), message, help, part="key")
