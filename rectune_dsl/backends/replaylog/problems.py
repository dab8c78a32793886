"""What would stop a campaign on a log, said before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog import tables
from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.contexts import Contexts
from rectune_dsl.backends.replaylog.layout import (
    COVERAGE,
    item_columns,
    log_columns,
    outcome_column,
    outcome_names,
)
from rectune_dsl.backends.replaylog.log import Log, PartName
from rectune_dsl.backends.replaylog.signals import Table
from rectune_dsl.dsl.formula import Node, names
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.dsl.stages import Stage
from rectune_dsl.funnel.source import SOURCE


def task_problems(task: Task, replay: Replay) -> Iterator[str]:
    """Problems of the task alone."""
    if replay.policy == "softmax":
        yield from _softmax_problems(task)
    yield from _signal_problems(task, replay)
    for name, metric in task.judged.items():
        if metric.covariate is not None:
            yield f"metric {name} names a covariate, and a log has none per user: remove it"
        if metric.numerator is not None and metric.numerator.partition("@")[0] == COVERAGE:
            yield f"guardrail {name}: {COVERAGE} is known for all users together only: remove it"
        if name == COVERAGE and metric.kind == "ratio":
            yield f"metric {COVERAGE} is computed from the configs' choices: remove its kind"


def file_problems(replay: Replay, task: Task, folder: Path) -> Iterator[str]:
    """Columns that the task reads and the files do not have. Raises BackendError for missing files."""
    have = set(tables.header(tables.files(folder, replay.log)[0]))
    outcomes = {outcome_column(replay, name): name for name in outcome_names(task)}
    for column in log_columns(task):
        if column in have:
            continue
        hint = f"its columns are {', '.join(sorted(have))}"
        if column in outcomes:
            hint += f"; say which one is {outcomes[column]} under [replay.outcomes]"
        yield f"the log {replay.log} has no column {column!r}: {hint}"
    if replay.items is not None:
        listed = set(tables.header(tables.files(folder, replay.items)[0]))
        for column in item_columns(task):
            if column not in listed:
                yield (
                    f"the items file {replay.items} has no column {column!r}: "
                    f"its columns are {', '.join(sorted(listed))}"
                )


def source_problems(task: Task, catalogue: Catalogue) -> Iterator[str]:
    """Sources that no item comes from."""
    known = catalogue.labels.get(SOURCE, ())
    for name in task.sources:
        if name not in known:
            yield (
                f"no item comes from source {name}: column {SOURCE!r} of the items file has "
                f"{', '.join(sorted(known)) or 'nothing'}"
            )


def data_problems(task: Task, parts: Mapping[PartName, Log], items: Mapping[str, Table]) -> Iterator[str]:
    """Values that contradict the task: signals outside of their domain, outcomes that are no proportions,
    slates shorter than the logged positions."""
    assert task.replay is not None
    for name, signal in task.replay.signals.items():
        if signal.column is not None:
            for log in parts.values():
                yield from _outside(task, name, log.numbers[signal.column])
        elif name in items:
            yield from _outside(task, name, items[name])
    for name, metric in task.judged.items():
        for part, log in parts.items():
            if metric.kind != "proportion" or name == COVERAGE:
                continue
            if np.any(~np.isin(log.outcomes[name], (0, 1))):
                yield (
                    f"metric {name} is a proportion, and its column holds other values than 0 and 1 "
                    f"({part} part): make it a mean"
                )
    if task.replay.policy == "top":
        yield from _short_slates(task, parts)


def sparse_problems(task: Task, contexts: Contexts) -> Iterator[str]:
    """Listed values outside of their signal's domain."""
    for name, sparse in contexts.sparse.items():
        # what is not listed is 0
        yield from _outside(task, name, np.append(sparse.value, np.float32(0)))


def _softmax_problems(task: Task) -> Iterator[str]:
    if len(task.stages) != 1:
        yield (
            f"policy softmax needs exactly one stage, and the task has {len(task.stages)}: "
            'keep the last one, or write policy = "top" under [replay]'
        )
    stage = task.stages[task.slate_stage]
    if stage.diversity is not None:
        yield 'policy softmax has no slate to diversify: remove diversity, or write policy = "top"'
    if task.sources:
        yield 'policy softmax has no slate to blend: remove [sources], or write policy = "top"'
    if isinstance(stage.keep, Param):
        yield f"under policy softmax {task.slate_stage}.keep changes nothing: make it a plain number"


def _signal_problems(task: Task, replay: Replay) -> Iterator[str]:
    read = {n.name for stage in task.stages.values() for tree in _trees(stage) for n in names(tree)}
    if any(segment.guardrails for segment in task.segments.values()):
        read |= {name for segment in task.segments.values() for name in segment.when.reads}
    for name in task.signals:
        if name in read and name not in replay.signals:
            yield f"signal {name} has no source: write replay.signals.{name}"
    for name, source in replay.signals.items():
        if name not in task.signals:
            yield f"replay.signals.{name} is no signal of the task: add it to [signals], or remove it"
            continue
        kind = task.signals[name].kind
        per_row = kind in ("user", "request")
        if per_row != (source.column is not None):
            right = "column" if per_row else "item_column, sparse or rate"
            yield f"signal {name} is of kind {kind}: its source is {right}"


def _trees(stage: Stage) -> Iterator[Node]:
    yield stage.score.tree
    yield from (formula.tree for formula in (*stage.terms.values(), *stage.filters.values()))
    if stage.diversity is not None:
        yield stage.diversity.penalty.tree


def _outside(task: Task, name: str, values: NDArray[Any]) -> Iterator[str]:
    low, high = task.signals[name].domain
    if len(values) and (values.min() < low or values.max() > high):
        yield (
            f"signal {name} ranges over [{values.min():.4g}, {values.max():.4g}] in the log, beyond its "
            f"domain [{low:.4g}, {high:.4g}]: widen the domain"
        )


def _short_slates(task: Task, parts: Mapping[PartName, Log]) -> Iterator[str]:
    keep = task.stages[task.slate_stage].keep
    shortest = keep.low if isinstance(keep, Param) else keep
    deepest = max((int(log.position.max()) for log in parts.values() if log.position is not None), default=0)
    if deepest > shortest:
        yield (
            f"the log has position {deepest}, and {task.slate_stage} may keep only {shortest:g} items: "
            f"keep at least {deepest}"
        )
