"""The surface a task tunes, across runs: its name in a store, and what its holdout is served."""

from __future__ import annotations

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, ExperimentSpec, Recommendation, UsageError
from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.compile import StepKind
from rectune_dsl.workflow.deliveries import DELIVER, has_delivered
from rectune_dsl.workflow.journaled import RunHeader
from rectune_dsl.workflow.launches import latest_place


def surface_id(task: Task) -> str:
    """Confirmations are counted under this name: the same place on another backend is another place."""
    return f"{task.experiment.backend}/{task.task.surface}"


def holdout_config(task: Task, journal: Journal, run: str) -> Config | None:
    """What the surface's holdout is served, where it differs from production: the production config of the
    surface's first run, once a run on it has shipped. None before that, and without a `[holdout]`.

    Raises UsageError when that run tuned other params, so that this task cannot serve its config, or when
    runs that shipped held out another share of users.
    """
    if task.holdout is None:
        return None
    earlier = [r.run for r in reversed(journal.runs()) if r.surface == surface_id(task) and r.run != run]
    shipped = [r for r in earlier if has_delivered(journal, r)]
    if not shipped:
        return None
    for other in shipped:
        _assert_held(journal, other, task.holdout.share)
    first = Recorder(journal, earlier[0]).recall(HEADER, RunHeader)
    if first is None or set(first.production) != set(task.production):
        raise UsageError(
            f"the holdout of surface {task.task.surface!r} began with run {earlier[0]}, which tuned other "
            "params: this task cannot serve its config, so the margins already spent cannot be counted",
            help="tune the same params as that run, or give the task a `surface` of its own",
        )
    return Config(first.production)


def _assert_held(journal: Journal, run: str, share: float) -> None:
    """Raises UsageError where a run that shipped held out another share of users than that: some of them
    would have been served what it shipped, or would be now."""
    recorder = Recorder(journal, run)
    place = latest_place(recorder, StepKind.CONFIRM)
    spec = recorder.recall(f"{place}/design", ExperimentSpec)
    if spec is not None and 0 < spec.holdout_share != share:
        raise UsageError(
            f"run {run} shipped to all but a holdout of {spec.holdout_share:.4g} of the surface's users, and "
            f"the task holds out {share:.4g}: its holdout would not be who never got what was shipped",
            help=f"write share = {spec.holdout_share} in [holdout], or give the task a `surface` of its own",
        )


def next_confirmation(task: Task, journal: Journal) -> int:
    """The number r that the surface's next confirmation will have."""
    return journal.confirmations(surface_id(task)) + 1


def outdated(task: Task, journal: Journal) -> str:
    """Why the task's production is not what serves today, in a sentence: a run of this store has delivered
    other values for the same params since. Empty where that is not known."""
    for row in journal.runs():
        if row.surface != surface_id(task) or not has_delivered(journal, row.run):
            continue
        recommended = Recorder(journal, row.run).recall(StepKind.RECOMMEND, Recommendation)
        if recommended is None or set(recommended.config.values) != set(task.production):
            continue
        if dict(recommended.config.values) == task.production:
            return ""
        return (
            f"run {row.run} delivered another config than this task calls production; "
            f"`rectune export {row.run} --diff` shows it"
        )
    return ""


def superseded(journal: Journal, run: str) -> str:
    """Why what a run shipped is not to be taken back, in words: another one has shipped on the same surface
    since. Empty where none has, or `run` shipped nothing."""
    newer = _newer_delivery(journal, run)
    return f"run {newer} has delivered another config since" if newer else ""


def _newer_delivery(journal: Journal, run: str) -> str | None:
    begun = min((e.at for e in journal.entries(run) if e.key.endswith(f":{DELIVER}")), default=None)
    if begun is None:
        return None
    surface = journal.find(run).surface
    others = (row.run for row in journal.runs() if row.surface == surface and row.run != run)
    delivered = ((journal.entry(other, DELIVER), other) for other in others if has_delivered(journal, other))
    later = {entry.at: other for entry, other in delivered if entry is not None and entry.at > begun}
    return later[max(later)] if later else None
