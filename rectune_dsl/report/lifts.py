"""The table of an experiment: arms by metrics, each lift with its interval, guardrails marked."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.intervals import objective
from rectune_dsl.hooks.api import Arm, Estimates
from rectune_dsl.report.words import Z90, changes, interval


def lifts_table(
    task: Task, estimates: Estimates, arms: tuple[Arm, ...], stopped: Mapping[str, str], title: str
) -> Table:
    """One row per treatment: U, every metric, and what the config changes."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    table.add_column("arm")
    table.add_column("U", justify="right")
    for metric in estimates.metrics:
        table.add_column(_heading(task, metric), justify="right")
    table.add_column("changes")
    gains = objective(estimates, task.judged)
    configs = {arm.name: arm.config for arm in arms}
    for row, arm in enumerate(estimates.arms):
        gain = gains[row]
        cells = [Text(interval(None, 0) if gain is None else interval(*gain))]
        cells += [_cell(task, estimates, row, column) for column in range(len(estimates.metrics))]
        name = Text(f"{arm} (stopped)", "red") if arm in stopped else Text(arm)
        table.add_row(name, *cells, Text(changes(configs[arm], task.production)))
    return table


def _heading(task: Task, metric: str) -> Text:
    limit = task.guardrails.get(metric)
    return Text(f"{metric}\n{limit}" if limit else metric)


def _cell(task: Task, estimates: Estimates, row: int, column: int) -> Text:
    metric = estimates.metrics[column]
    limit = task.guardrails.get(metric)
    if limit is not None and not limit.relative:
        value, error = estimates.level[row + 1][column], estimates.level_se[row + 1][column]
        words = "missing" if value is None else f"{value:.4g} ± {Z90 * error:.2g}"
    else:
        at = row * len(estimates.metrics) + column
        value, error = estimates.lift[row][column], estimates.covariance[at][at] ** 0.5
        words = interval(value, error)
    if limit is None or value is None:
        return Text(words)
    inside = limit.holds(value - Z90 * error) and limit.holds(value + Z90 * error)
    return Text(words, "green" if inside else "" if limit.holds(value) else "yellow")
