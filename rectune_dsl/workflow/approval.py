"""Who decides whether real traffic may be used. Simulated traffic is never asked about."""

from __future__ import annotations

from typing import Protocol

from rectune_dsl.hooks.api import Recommendation, UsageError, Verdict
from rectune_dsl.workflow.journaled import Approval


class Approver(Protocol):
    def launch(self, what: str) -> Approval: ...

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval: ...


class Unattended:
    """Nobody is there to say yes: a campaign that needs to ask stops, and can be resumed."""

    def launch(self, what: str) -> Approval:
        raise _nobody(f"launch {what} on real traffic?")

    def ship(self, recommendation: Recommendation, verdict: Verdict) -> Approval:
        raise _nobody("make the recommended config production?")


def _nobody(question: str) -> UsageError:
    return UsageError(
        f"nobody is here to answer: {question}",
        help="resume in a terminal, or with --yes to launch and ship without asking",
    )
