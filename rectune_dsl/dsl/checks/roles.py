"""What signals, terms and params are there for: provided somewhere, read somewhere, different somewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.edits import number
from rectune_dsl.dsl.formula import Call, Node, is_name, names, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.suggest import did_you_mean, misspelt
from rectune_dsl.dsl.terms import CircularTermsError, ordered, reached


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _signals(draft)
    for stage_name in draft.task.stages:
        yield from _terms(draft, stage_name)
        yield from _params(draft, stage_name)
        yield from _differences(draft, stage_name)
        yield from _contracts(draft, stage_name)


def _signals(draft: Draft) -> Iterator[Diagnostic]:
    stages = draft.task.stages
    used = frozenset[str]().union(*(_used(draft, stage_name) for stage_name in stages))
    used |= {n.name for segment in draft.task.segments.values() for n in names(segment.when.written)}
    told_apart = (n.name for segment in draft.task.segments.values() for n in names(segment.when.written))
    clear = all(_is_clear(draft, stage_name) for stage_name in stages) and (
        all(name in draft.task.signals for name in told_apart)
    )
    for name, signal in draft.task.signals.items():
        path = ("signals", name)
        low, high = signal.domain
        if not 0 < high - low < math.inf:
            message = f"the domain of `{name}` goes from {low:g} to {high:g}"
            fix = draft.mend.value((*path, "domain"), [number(high), number(low)]) if high < low else None
            yield draft.problem("RT107", (*path, "domain"), message, "write [smallest, largest]", fix=fix)
        for i, stage in enumerate(signal.stages or ()):
            if stage not in stages and stage not in draft.cuts.keys:
                message = f"there is no stage `{stage}`"
                place, guess = (*path, "stages", i), misspelt(stage, stages)
                is_there = guess in signal.stages if signal.stages else False
                fix = draft.mend.value(place, guess) if guess and not is_there else None
                fix = draft.mend.remove(place) if is_there else fix
                help = f"`{guess}` is listed already: remove it" if is_there else did_you_mean(stage, stages)
                yield draft.problem("RT108", place, message, help, fix=fix)
        is_shared = draft.source.locate(path, "key").path not in ("", draft.source.path)
        if name not in used and is_name(name) and not is_shared:  # other tasks may read a base's signal
            message = f"no score reads signal `{name}`"
            fix = draft.mend.remove(path) if clear else None
            yield draft.problem("RT110", path, message, "use it, or remove it", part="key", fix=fix)


def _is_clear(draft: Draft, stage_name: str) -> bool:
    """Whether every name that the stage's formulas read is known; others may stand for what is not used."""
    read = {n.name for _, formula in draft.formulas(stage_name) for n in names(formula.written)}
    return read <= draft.readable(stage_name) and not draft.cuts.touch(("stages", stage_name))


def _used(draft: Draft, stage_name: str) -> frozenset[str]:
    return reached(draft.task.stages[stage_name]) | draft.meant(stage_name)


def _terms(draft: Draft, stage_name: str) -> Iterator[Diagnostic]:
    stage = draft.task.stages[stage_name]
    path = ("stages", stage_name, "terms")
    used, clear = _used(draft, stage_name), _is_clear(draft, stage_name)
    for name in stage.terms:
        if name not in used and is_name(name) and name != "score":
            message = f"no score reads term `{name}`"
            fix = draft.mend.remove((*path, name)) if clear else None
            yield draft.problem("RT205", (*path, name), message, "use it, or remove it", part="key", fix=fix)
    try:
        ordered(stage.terms)
    except CircularTermsError as error:
        message = f"terms read each other in a circle: {error}"
        yield draft.problem("RT204", (*path, error.cycle[0]), message, "write one of them without the others")


def _params(draft: Draft, stage_name: str) -> Iterator[Diagnostic]:
    stage = draft.task.stages[stage_name]
    used, clear = _used(draft, stage_name), _is_clear(draft, stage_name)
    formulas = [f for path, f in draft.formulas(stage_name) if "terms" not in path or path[-1] in used]
    if stage.diversity is not None:
        formulas.append(stage.diversity.penalty)
    read = {n.name for formula in formulas for n in names(formula.written)}
    used |= read | {name.partition("[")[0] for name in read}
    for name in stage.params:
        if name not in used and is_name(name):
            message = f"no formula of stage `{stage_name}` reads `{name}`"
            path = ("stages", stage_name, "params", name)
            is_last = not isinstance(stage.params[name], int | float) and len(draft.task.params) == 1
            guess = misspelt(name, stage.params.keys() - {name})  # of a base's param that was to change
            is_certain = clear and not is_last and guess is None
            fix = draft.mend.remove(path) if is_certain else None
            help = "use it in a formula, or remove it" + (f"; did you mean `{guess}`?" if guess else "")
            yield draft.problem("RT307", path, message, help, part="key", fix=fix)


def _differences(draft: Draft, stage_name: str) -> Iterator[Diagnostic]:
    """Scores, and what rank and zscore compare, must be able to differ between candidates."""
    stage = draft.task.stages[stage_name]
    varying = candidate_wide(draft, stage_name)
    formulas = list(draft.formulas(stage_name))
    if stage.diversity is not None:
        formulas.append((("stages", stage_name, "diversity", "penalty"), stage.diversity.penalty))
    for path, formula in formulas:
        for node in walk(formula.tree):
            if isinstance(node, Call) and node.function in REQUEST_WIDE and not varies(node, varying):
                message = f"{node.function} compares what is equal for all candidates of a request"
                help = "rank a prediction, an item signal or `score`"
                yield draft.problem("RT206", path, message, help, span=node.span)
    path = ("stages", stage_name, "score")
    if not draft.cuts.touch(path) and not varies(stage.score.tree, varying):
        message = f"the score of stage `{stage_name}` is equal for all candidates"
        yield draft.problem("RT210", path, message, "read a prediction, an item signal or `score`")


def candidate_wide(draft: Draft, stage_name: str) -> set[str]:
    """Names that may differ between the candidates of a request; unknown ones get the benefit of doubt."""
    stage = draft.task.stages[stage_name]
    equal = {n for n, s in draft.task.signals.items() if s.kind in ("user", "request")}
    equal |= stage.constants.keys() | draft.task.params.keys() | stage.params.keys()
    read = {name for _, f in draft.formulas(stage_name) for name in f.reads}
    varying = read - equal - stage.terms.keys()
    while True:
        more = {t for t, f in stage.terms.items() if t not in varying and varies(f.tree, varying)}
        if not more:
            return varying
        varying |= more


def varies(node: Node, varying: set[str]) -> bool:
    return any(name.name in varying for name in names(node))


def _contracts(draft: Draft, stage_name: str) -> Iterator[Diagnostic]:
    here = draft.signals_of(stage_name)
    for signal in draft.task.stages[stage_name].expect:
        if signal not in here and signal not in draft.cuts.keys:
            message = f"stage `{stage_name}` is not provided with a signal `{signal}`"
            path = ("stages", stage_name, "expect", signal)
            guess = misspelt(signal, here)
            fix = draft.mend.rename(path, guess) if guess else None
            help = did_you_mean(signal, here)
            yield draft.problem("RT208", path, message, help, part="key", fix=fix)
