"""Diversity: a penalty or a cap that can change a slate, and a penalty that is none for variety."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.samples import Sample
from rectune_dsl.dsl.checks.vectors import fits
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.formula import Call, evaluate, names, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.stages import Diversity


def check(draft: Draft) -> Iterator[Diagnostic]:
    for stage_name, stage in draft.task.stages.items():
        if stage.diversity is not None and not draft.cuts.touch(("stages", stage_name, "diversity")):
            yield from _effect(draft, stage_name, stage.diversity)


def check_signs(draft: Draft, task: Task, sample: Sample) -> Iterator[Diagnostic]:
    """Whether penalties are costs, at the configs of the sample."""
    for stage_name, stage in task.stages.items():
        if stage.diversity is not None and not draft.cuts.touch(("stages", stage_name, "diversity")):
            values = {**sample.signals, **stage.constants, **sample.params}
            yield from _sign(draft, stage_name, stage.diversity, values)


def _effect(draft: Draft, stage_name: str, diversity: Diversity) -> Iterator[Diagnostic]:
    path, cap = ("stages", stage_name, "diversity"), diversity.max_per_key
    if cap is None:
        if "penalty" not in diversity.model_fields_set:
            message = "diversity without penalty and max_per_key changes nothing"
            help = 'add max_per_key = 2, or penalty = "..." with a number or param, or remove the table'
            yield draft.problem("RT313", path, message, help)
        return
    keep = draft.task.stages[stage_name].keep
    most = keep.high if isinstance(keep, Param) else keep
    if cap >= most and not draft.cuts.touch(("stages", stage_name, "keep")):
        message = f"at most {cap} items of {most:g} may share a key: that is no cap"
        help = f"write less than {most:g}, or remove it"
        is_all = "penalty" not in diversity.model_fields_set
        fix = draft.mend.remove(path if is_all else (*path, "max_per_key"))
        yield draft.problem("RT313", (*path, "max_per_key"), message, help, fix=fix)


def _sign(
    draft: Draft, stage_name: str, diversity: Diversity, values: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    tree, functions = diversity.penalty.tree, draft.environment.implementations
    called = {node.function for node in walk(tree) if isinstance(node, Call)}
    read = {n.name for n in names(tree)}
    if not (read <= values.keys() and called <= FUNCTIONS.keys() | functions.keys() and fits(tree)):
        return
    least = float(np.min(np.asarray(evaluate(tree, values, functions=functions))))
    if least < 0:
        message = f"the penalty may be {least:.4g}: it then rewards items of the same {diversity.by}"
        help = "a penalty is subtracted from the score; write it, and its bounds, without minus"
        path = ("stages", stage_name, "diversity", "penalty")
        fix = draft.mend.value(path, -least) if not read else None
        yield draft.problem("RT315", path, message, help, fix=fix)
