"""What a task asks of a backend: that it measures the metrics, and provides signals, keys and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import USERS, Capabilities

_COLUMNS = ("numerator", "denominator", "column", "covariate")
"""What a metric's table says of columns."""
_VALUES = frozenset({*_COLUMNS, "by"})
"""Keys whose values are names that a backend has to know. Elsewhere the key itself is such a name."""
Problem = tuple[str, KeyPath, str, str]
"""Code, place in the file, message and help."""


def lacking(task: Task, capabilities: Capabilities) -> Iterator[Problem]:
    """What the task asks for and the backend does not have."""
    yield from _unmeasured(task, capabilities)
    yield from _unrandomised(task, capabilities)
    yield from _unwinsorised(task, capabilities)
    yield from _unprovided(task, capabilities)
    yield from _faultless(task, capabilities)


def located(source: Source, problems: Iterable[Problem]) -> tuple[Diagnostic, ...]:
    """Problems as diagnostics, in the order of the file."""
    found = []
    for code, key, message, help in problems:
        is_key = code in ("RT901", "RT902") and key[-1] not in _VALUES
        place = source.locate(key, "key" if is_key else "value")
        where = (place.path, place.line, place.column, place.end_column)
        found.append(Diagnostic(code, message, help, *where, RULES[code].severity))
    return tuple(sorted(found, key=lambda d: (d.line, d.column)))


def place_of(task: Task, judged: str) -> KeyPath:
    """Where the file says that a metric is judged."""
    if judged in task.metrics:
        return ("metrics", judged)
    segment, _, name = judged.partition(".")
    return ("segments", segment, "guardrails", name) if name else ("guardrails", judged)


def guardrail_of(task: Task, judged: str) -> KeyPath:
    """Where the file says what a metric must keep."""
    place = place_of(task, judged)
    return ("guardrails", judged) if place[0] == "metrics" else place


def _unmeasured(task: Task, capabilities: Capabilities) -> Iterator[Problem]:
    known = set(capabilities.metrics)
    for name, metric in task.judged.items():
        if metric.kind == "quantile":
            yield from _without_quantiles(task, name, metric.column or name, capabilities)
            continue
        if name in known and metric.kind != "ratio" and metric.covariate is None:
            continue
        for column in metric.columns(name):
            if column not in known | {USERS}:
                base, at, segment = column.partition("@")
                of = f" of segment `{segment}`" if at else ""
                message = f"the backend does not measure `{base}`{of}"
                yield "RT901", _place_of_column(task, name, base), message, did_you_mean(base, _plain(known))


def _place_of_column(task: Task, judged: str, column: str) -> KeyPath:
    """Where the file names a column: in the metric's table, or as the metric."""
    own = task.metrics.get(judged)
    said = [key for key in _COLUMNS if own is not None and getattr(own, key) == column]
    return (*place_of(task, judged), *said[:1])


def _without_quantiles(task: Task, name: str, column: str, capabilities: Capabilities) -> Iterator[Problem]:
    if name not in capabilities.quantiles and column not in capabilities.quantiles:
        message = f"the backend does not give quantiles of `{column}`"
        help = did_you_mean(column, capabilities.quantiles)
        yield "RT901", _place_of_column(task, name, column), message, help


def _unrandomised(task: Task, capabilities: Capabilities) -> Iterator[Problem]:
    unit = task.experiment.unit
    if unit not in capabilities.units:
        message = f"the backend does not randomise by `{unit}`"
        yield "RT906", ("experiment", "unit"), message, did_you_mean(unit, capabilities.units)


def _unwinsorised(task: Task, capabilities: Capabilities) -> Iterator[Problem]:
    if not capabilities.winsorises:
        for name in task.winsorized:
            message = f"the backend cannot cap `{name}`: it knows no quantiles of production's users"
            yield "RT907", ("metrics", name, "winsorize"), message, "remove winsorize, or cap in its pipeline"


def _plain(columns: Iterable[str]) -> set[str]:
    """Columns of all users."""
    return {column for column in columns if "@" not in column}


def _unprovided(task: Task, capabilities: Capabilities) -> Iterator[Problem]:
    if capabilities.signals is not None:
        for name in task.signals:
            if name not in capabilities.signals:
                help = did_you_mean(name, capabilities.signals)
                yield "RT902", ("signals", name), f"the backend does not provide signal `{name}`", help
    for name, stage in task.stages.items():
        if stage.diversity is not None and stage.diversity.by not in capabilities.keys:
            message = f"the backend does not provide key `{stage.diversity.by}`"
            key = ("stages", name, "diversity", "by")
            yield "RT902", key, message, did_you_mean(stage.diversity.by, capabilities.keys)
    for name in task.sources:
        if name not in capabilities.sources:
            message = f"the backend has no candidates from source `{name}`"
            yield "RT902", ("sources", name), message, did_you_mean(name, capabilities.sources)


def _faultless(task: Task, capabilities: Capabilities) -> Iterator[Problem]:
    """Columns that the simulator shall measure late or never, and does not measure at all."""
    faults = task.simulator.faults
    if task.experiment.backend != "simulator" or faults is None:
        return
    table = ("simulator", "faults")
    named: list[tuple[str, KeyPath]] = [(column, (*table, "delays", column)) for column in faults.delays]
    named += [(column, (*table, "missing", at)) for at, column in enumerate(faults.missing)]
    known = _plain(capabilities.metrics)
    for column, key in named:
        if column not in known:
            yield "RT901", key, f"the backend does not measure `{column}`", did_you_mean(column, known)
