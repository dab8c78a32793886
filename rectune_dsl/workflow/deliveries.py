"""What runs have made production on a surface, as their journals tell it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from rectune_dsl.hooks.api import Config, Recommendation
from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.compile import StepKind
from rectune_dsl.workflow.journaled import RunHeader

DELIVER = f"{StepKind.VERDICT}/deliver"
"""The key of a run's delivery."""
TOLD = f"{StepKind.VERDICT}/told"
"""The key of the last thing that a run does."""
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
    last = later[-1] if later else None
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
    return earlier[-1].config if earlier else Config(header.production)


def deliveries(journal: Journal, surface: str, *, besides: str) -> list[Delivery]:
    """Those of a surface but for a run's own, the first one first."""
    found = []
    for row in journal.runs():
        if row.surface != surface or row.run == besides or not has_delivered(journal, row.run):
            continue
        entry = journal.entry(row.run, DELIVER)
        recommended = Recorder(journal, row.run).recall(StepKind.RECOMMEND, Recommendation)
        if entry is not None and recommended is not None:
            found.append(Delivery(row.run, entry.at, recommended.config))
    return sorted(found, key=attrgetter("at"))


def _of_others(journal: Journal, run: str) -> list[Delivery]:
    return deliveries(journal, journal.find(run).surface, besides=run)
