"""What a running campaign tells whoever watches: the terminal, and plugins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rectune_dsl.hooks.api import (
    ExperimentSpec,
    Insight,
    Proposal,
    Recommendation,
    Review,
    RoundResult,
    Serving,
    SetExposure,
    StopArm,
    Verdict,
)
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.journaled import Approval, Look, Request, Wait


@dataclass(frozen=True)
class StepStarted:
    step: Step


@dataclass(frozen=True)
class Proposed:
    round: int
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True)
class Reviewed:
    round: int
    reviews: tuple[Review, ...]


@dataclass(frozen=True)
class Asked:
    """Somebody has to answer before the run goes on. `replayed`: this was told before the run was resumed."""

    request: Request
    replayed: bool = False


@dataclass(frozen=True)
class Answered:
    """Whoever was first has answered."""

    request: Request
    answer: Approval


@dataclass(frozen=True)
class Waited:
    """The run begins to wait."""

    wait: Wait


@dataclass(frozen=True)
class Looked:
    """`replayed`: it happened before the run was resumed."""

    spec: ExperimentSpec
    look: Look
    replayed: bool = False


@dataclass(frozen=True)
class ArmStopped:
    """An arm takes no more traffic, as a look decided. `replayed`: this was told before the run was
    resumed."""

    spec: ExperimentSpec
    stop: StopArm
    replayed: bool = False


@dataclass(frozen=True)
class Exposed:
    """What came of an exposure that a look decided: `serving` is what is served now. That is what was served
    before, where more is put off."""

    spec: ExperimentSpec
    look: Look
    decided: SetExposure
    serving: Serving


@dataclass(frozen=True)
class RoundFinished:
    """`replayed`: it happened before the run was resumed."""

    result: RoundResult
    replayed: bool


@dataclass(frozen=True)
class Learnt:
    round: int
    insight: Insight


@dataclass(frozen=True)
class Recommended:
    recommendation: Recommendation


@dataclass(frozen=True)
class Finished:
    verdict: Verdict
    replayed: bool


Event = (
    StepStarted
    | Proposed
    | Reviewed
    | Asked
    | Answered
    | Waited
    | Looked
    | ArmStopped
    | Exposed
    | RoundFinished
    | Learnt
    | Recommended
    | Finished
)
Watcher = Callable[[Event], None]


def silent(event: Event) -> None:
    """Watches without a word."""
