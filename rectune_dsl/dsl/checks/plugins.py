"""Plugins' functions: what they declare of themselves is what can be proved of formulas that call them."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.formula import Call, walk


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Calls of functions that declare neither a range nor a direction for every argument."""
    signatures = draft.environment.functions
    for stage_name, stage in draft.task.stages.items():
        formulas = list(draft.formulas(stage_name))
        if stage.diversity is not None:
            formulas.append((("stages", stage_name, "diversity", "penalty"), stage.diversity.penalty))
        for path, formula in formulas:
            for node in walk(formula.written):
                if not isinstance(node, Call) or node.function not in signatures:
                    continue
                signature = signatures[node.function]
                if signature.range is None and not signature.is_monotone(len(node.arguments)):
                    message = (
                        f"`{node.function}` declares neither range nor direction, so nothing is known of it"
                    )
                    help = (
                        "give the plugin's FormulaFunction a range = (low, high), or monotone = "
                        '("nondecreasing", ...) with one entry for each argument'
                    )
                    yield draft.problem("RT213", path, message, help, span=node.span)


def enclosed(environment: Environment) -> frozenset[str]:
    """Functions whose values can be enclosed: by their range, or between values at the ends."""
    return frozenset(
        name
        for name, signature in environment.functions.items()
        if signature.range is not None
        or (any(signature.monotone) and all(signature.monotone) and name in environment.implementations)
    )
