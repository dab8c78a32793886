"""Which columns a replay needs, for a table with a column map and for KuaiRand's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rectune_dsl.backends.replaylog.segments import USERS
from rectune_dsl.backends.replaylog.tables import Kind
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.funnel.source import SOURCE

IMPRESSIONS = "impressions"
"""A column that every log has: 1 per impression. The denominator of a rate per impression."""
COVERAGE = "coverage"
"""A metric of the configs' own choices, which needs no column."""


@dataclass(frozen=True)
class Layout:
    """The log's columns by role. `propensity` None: every item of the pool was shown with the same
    probability. `only`: a 0/1 column, and only rows with 1 were randomised."""

    time: str
    item: str
    propensity: str | None
    position: str | None = None
    pool: str | None = None
    only: str | None = None
    slate: str | None = None
    propensities: str | None = None
    slate_propensity: str | None = None


_KUAIRAND = Layout(time="time_ms", item="video_id", propensity=None, only="is_rand")


def layout(replay: Replay) -> Layout:
    """Where the log's roles are found. KuaiRand: Gao et al., CIKM 2022, `log_random_*.csv`."""
    columns = replay.columns
    if columns is None:
        return _KUAIRAND
    return Layout(**columns.model_dump())


def outcome_column(replay: Replay, name: str) -> str:
    """The log's column behind a metric, numerator or denominator."""
    return replay.outcomes.get(name, name)


def outcome_names(task: Task) -> tuple[str, ...]:
    """Names of the outcomes that the task's metrics and rates are computed from."""
    names = [
        column for name, metric in task.judged.items() if name != COVERAGE for column in metric.columns(name)
    ]
    names = [base for base in (name.partition("@")[0] for name in names) if base != USERS]
    names += [signal.rate for signal in _replay(task).signals.values() if signal.rate is not None]
    slates = _replay(task).slates
    names += [slates.clicks] if slates is not None and slates.clicks is not None else []
    return tuple(dict.fromkeys(name for name in names if name != IMPRESSIONS))


def log_columns(task: Task) -> Mapping[str, Kind]:
    """Every column of the log that must be read, and as what."""
    replay = _replay(task)
    roles = layout(replay)
    wanted: dict[str, Kind] = {roles.time: "time", roles.item: "label"}
    numbers = (roles.propensity, roles.position, roles.only, roles.slate_propensity)
    wanted |= {name: "number" for name in numbers if name is not None}
    wanted |= {name: "label" for name in (roles.pool, roles.slate) if name is not None}
    wanted |= {roles.propensities: "text"} if roles.propensities is not None else {}
    wanted |= {outcome_column(replay, name): "number" for name in outcome_names(task)}
    for signal in replay.signals.values():
        wanted |= {signal.column: "number"} if signal.column is not None else {}
        wanted |= {signal.sparse: "text"} if signal.sparse is not None else {}
    return wanted


def item_columns(task: Task) -> Mapping[str, Kind]:
    """Every column of the items file that must be read besides the item and its pool."""
    wanted: dict[str, Kind] = dict.fromkeys(diversity_keys(task), "text")
    wanted |= {SOURCE: "text"} if task.sources else {}
    for signal in _replay(task).signals.values():
        wanted |= {signal.item_column: "number"} if signal.item_column is not None else {}
    return wanted


def diversity_keys(task: Task) -> tuple[str, ...]:
    """The item columns that the task's diversity rules count."""
    found = (stage.diversity.by for stage in task.stages.values() if stage.diversity is not None)
    return tuple(dict.fromkeys(found))


def _replay(task: Task) -> Replay:
    assert task.replay is not None  # the backend refuses a task without the table
    return task.replay
