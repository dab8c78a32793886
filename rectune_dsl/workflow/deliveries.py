"""What runs have made production on a surface, as their journals tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rectune_dsl.hooks.api import Config, Recommendation
from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.compile import StepKind
from rectune_dsl.workflow.journaled import RunHeader

DELIVER = f"{StepKind.VERDICT}/deliver"
"""The key of a run's delivery."""
HELD = f"{StepKind.VERDICT}/held"
"""The key of the verdict of a run that was to ship, and was overtaken by another one."""
_ABORT = "abort"
ROLLBACK = f"{_ABORT}/rollback"
"""The key under which an abort takes the delivery back."""


@dataclass(frozen=True)
class Delivery:
    """A config that was delivered, and not taken back."""

    run: str
    at: str
    config: Config


def has_delivered(journal: Journal, run: str) -> bool:
    """Whether it shipped, and was not taken back."""
    return journal.entry(run, DELIVER) is not None and journal.entry(run, ROLLBACK) is None


def overtaken(journal: Journal, run: str) -> str:
    """Why what a run was compared with is production no more, in a sentence: another run has delivered since
    it began. Empty where none has, or production is the same again."""
    header, begun = Recorder(journal, run).recall(HEADER, RunHeader), journal.entry(run, HEADER)
    assert header is not None
    assert begun is not None
    later = [d for d in _of_others(journal, run) if d.at > begun.at]
    last = max(later, key=_at, default=None)
    if last is None or dict(last.config.values) == dict(header.production):
        return ""
    return (
        f"Run {last.run} has delivered another config on this surface since this run began: production is no "
        "longer what was compared with."
    )


def production_before(journal: Journal, run: str) -> Config:
    """What production was before a run delivered: what the last run before it delivered for the same params,
    unless that was aborted; else what the run itself found as production."""
    header = Recorder(journal, run).recall(HEADER, RunHeader)
    assert header is not None
    begun = min((e.at for e in journal.entries(run) if e.key.endswith(f":{DELIVER}")), default="")
    earlier = [
        delivery
        for delivery in _of_others(journal, run)
        if delivery.at < begun
        and set(delivery.config.values) == set(header.production)
        and journal.entry(delivery.run, _ABORT) is None
    ]
    last = max(earlier, key=_at, default=None)
    return Config(header.production) if last is None else last.config


def _of_others(journal: Journal, run: str) -> Iterator[Delivery]:
    """The deliveries of the other runs on a run's surface."""
    surface = journal.find(run).surface
    for row in journal.runs():
        if row.surface != surface or row.run == run or not has_delivered(journal, row.run):
            continue
        entry = journal.entry(row.run, DELIVER)
        recommended = Recorder(journal, row.run).recall(StepKind.RECOMMEND, Recommendation)
        if entry is not None and recommended is not None:
            yield Delivery(row.run, entry.at, recommended.config)


def _at(delivery: Delivery) -> str:
    return delivery.at
