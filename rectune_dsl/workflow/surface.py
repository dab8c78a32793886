"""The surface a task tunes, across runs: its name in a store, and what its holdout is served."""

from __future__ import annotations

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, ExperimentSpec, UsageError
from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.compile import StepKind
from rectune_dsl.workflow.deliveries import DELIVER, deliveries
from rectune_dsl.workflow.journaled import RunHeader
from rectune_dsl.workflow.launches import latest_place


def surface_id(task: Task) -> str:
    """Confirmations are counted under this name: the same place on another backend is another place."""
    return f"{task.experiment.backend}/{task.task.surface}"


def holdout_config(task: Task, journal: Journal, run: str) -> Config | None:
    """What the surface's holdout is served, once something was shipped past it: the production config of the
    surface's first run, or what was shipped last to everybody, since nobody was held out from that. None
    before that, and without a `[holdout]`.

    Raises UsageError when this task cannot serve that config, since it tunes other params, or when runs that
    shipped past the holdout held out another share of users.
    """
    if task.holdout is None:
        return None
    made = deliveries(journal, surface_id(task), besides=run)
    shares = [_held_out(journal, delivery.run) for delivery in made]
    to_all = max((n for n, share in enumerate(shares) if share == 0.0), default=-1)
    past = list(zip(made, shares, strict=True))[to_all + 1 :]
    for delivery, share in past:
        _assert_held(delivery.run, share, task.holdout.share)
    if not past:
        return None
    config = made[to_all].config if to_all >= 0 else _first_production(task, journal)
    if config is None or set(config.values) != set(task.production):
        raise UsageError(
            f"the holdout of surface {task.task.surface!r} is served a config of other params than this task "
            "tunes, so the margins already spent cannot be counted",
            help="tune the same params as the surface's first run, or give the task a `surface` of its own",
        )
    return config


def _first_production(task: Task, journal: Journal) -> Config | None:
    """Production when the surface's first run began."""
    first = next(row for row in reversed(journal.runs()) if row.surface == surface_id(task))
    header = Recorder(journal, first.run).recall(HEADER, RunHeader)
    return None if header is None else Config(header.production)


def _held_out(journal: Journal, run: str) -> float | None:
    """The share of users that a run which shipped held out; None where its journal does not tell."""
    recorder = Recorder(journal, run)
    spec = recorder.recall(f"{latest_place(recorder, StepKind.CONFIRM)}/design", ExperimentSpec)
    return None if spec is None else spec.holdout_share


def _assert_held(run: str, held: float | None, share: float) -> None:
    """Raises UsageError where a run that shipped held out another share of users than that: some of them
    would have been served what it shipped, or would be now."""
    if held is not None and held != share:
        raise UsageError(
            f"run {run} shipped to all but a holdout of {held:.4g} of the surface's users, and "
            f"the task holds out {share:.4g}: its holdout would not be who never got what was shipped",
            help=f"write share = {held} in [holdout], or give the task a `surface` of its own",
        )


def next_confirmation(task: Task, journal: Journal) -> int:
    """The number r that the surface's next confirmation will have."""
    return journal.confirmations(surface_id(task)) + 1


def outdated(task: Task, journal: Journal) -> str:
    """Why the task's production is not what serves today, in a sentence: a run of this store has delivered
    other values for the same params since. Empty where that is not known."""
    for delivery in reversed(deliveries(journal, surface_id(task), besides="")):
        values = dict(delivery.config.values)
        if set(values) != set(task.production):
            continue
        if values == task.production:
            return ""
        return (
            f"run {delivery.run} delivered another config than this task calls production; "
            f"`rectune export {delivery.run} --diff` shows it"
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
    others = deliveries(journal, journal.find(run).surface, besides=run)
    return next((delivery.run for delivery in reversed(others) if delivery.at > begun), None)
