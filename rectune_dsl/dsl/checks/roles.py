"""What signals, terms and params are there for: provided somewhere, read somewhere, different somewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Call, Node, is_name, names, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.suggest import did_you_mean
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
    for name, signal in draft.task.signals.items():
        path = ("signals", name)
        low, high = signal.domain
        if not 0 < high - low < math.inf:
            message = f"the domain of `{name}` goes from {low:g} to {high:g}"
            yield draft.problem("RT107", (*path, "domain"), message, "write [smallest, largest]")
        for i, stage in enumerate(signal.stages or ()):
            if stage not in stages and stage not in draft.cuts.keys:
                message = f"there is no stage `{stage}`"
                yield draft.problem("RT108", (*path, "stages", i), message, did_you_mean(stage, stages))
        if name not in used and is_name(name):
            yield draft.problem(
                "RT110", path, f"no score reads signal `{name}`", "use it, or remove it", part="key"
            )


def _used(draft: Draft, stage_name: str) -> frozenset[str]:
    return reached(draft.task.stages[stage_name]) | draft.meant(stage_name)


def _terms(draft: Draft, stage_name: str) -> Iterator[Diagnostic]:
    stage = draft.task.stages[stage_name]
    path = ("stages", stage_name, "terms")
    used = _used(draft, stage_name)
    for name in stage.terms:
        if name not in used and is_name(name) and name != "score":
            message = f"no score reads term `{name}`"
            yield draft.problem("RT205", (*path, name), message, "use it, or remove it", part="key")
    try:
        ordered(stage.terms)
    except CircularTermsError as error:
        message = f"terms read each other in a circle: {error}"
        yield draft.problem("RT204", (*path, error.cycle[0]), message, "write one of them without the others")


def _params(draft: Draft, stage_name: str) -> Iterator[Diagnostic]:
    stage = draft.task.stages[stage_name]
    used = _used(draft, stage_name)
    if stage.diversity is not None:
        used |= {n.name for n in names(stage.diversity.penalty.tree)}
    for name in stage.params:
        if name not in used and is_name(name):
            message = f"neither the score nor the penalty of stage `{stage_name}` reads `{name}`"
            path = ("stages", stage_name, "params", name)
            yield draft.problem("RT307", path, message, "use it in a formula, or remove it", part="key")


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
    equal = {n for n, s in draft.task.signals.items() if s.kind in ("user", "request")} | stage.params.keys()
    read = {n.name for _, f in draft.formulas(stage_name) for n in names(f.tree)}
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
            yield draft.problem("RT208", path, message, did_you_mean(signal, here), part="key")
