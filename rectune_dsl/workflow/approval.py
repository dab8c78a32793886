"""Questions to the people in charge: whether to launch, to confirm, to ship; and where answers come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Capabilities, UsageError
from rectune_dsl.memory import answers
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.recorder import NOTHING, Recorder
from rectune_dsl.workflow import clock
from rectune_dsl.workflow.journaled import Approval, Request
from rectune_dsl.workflow.pause import Pause
from rectune_dsl.workflow.standing import open_request
from rectune_dsl.workflow.watch import Answered, Asked, Watcher


class Approver(Protocol):
    """Whoever is here. Answers given from elsewhere are found without it, and the first one stands."""

    def answer(self, request: Request) -> Approval | None:
        """None where there is no answer yet."""
        ...


class Unattended:
    """Nobody is here to answer."""

    def answer(self, request: Request) -> Approval | None:
        return None


@dataclass(frozen=True)
class Questions:
    """Asks what a run has to ask, and waits for the answer."""

    recorder: Recorder
    journal: Journal
    approver: Approver
    pause: Pause
    watch: Watcher

    def ask(self, step: str, request: Callable[[], Request]) -> Approval:
        """The answer to the question of `step`, which is made and written down once."""
        key, act = approval_key(step), self.recorder.act
        if (known := self.recorder.recall(key, Approval)) is not None:
            return known
        asked, told = act(f"{step}/request", Request, request), f"{step}/request/told"
        self.watch(Asked(asked, replayed=self.recorder.has(told)))
        act(told, NOTHING, lambda: None)
        answer = self.pause.answer(key, f"an answer to {asked.step}", lambda: self._answer(asked))
        self.watch(Answered(asked, answer))
        return act(key, Approval, lambda: answer)

    def _answer(self, asked: Request) -> Approval | None:
        """The first answer of anybody."""
        store, run = self.journal.store, self.recorder.run
        if (given := answers.given(store, run, asked.step)) is None:
            if (own := self._own(asked)) is None:
                return None
            answers.give(store, run, asked.step, encode(Approval, own))
            given = answers.given(store, run, asked.step)
        return None if given is None else decode(Approval, given)

    def _own(self, asked: Request) -> Approval | None:
        """What is answered from here: a no once the question has expired, else what the approver says."""
        if asked.expires is not None and asked.has_expired(clock.utc_now()):
            return Approval(False, "nobody", f"no answer came by {asked.expires:%Y-%m-%d %H:%M} UTC")
        return self.approver.answer(asked)


def approval_key(step: str) -> str:
    """The key of the answer to what `step` asked."""
    return f"{step}/approval"


def has_to_ask(task: Task, capabilities: Capabilities) -> bool:
    """Whether people are asked: as the task says, by default where people are served."""
    mode = task.approval.mode
    return capabilities.real_traffic if mode is None else mode == "ask"


def answer_request(journal: Journal, run: str, step: str, answer: Approval) -> Request:
    """Answer the question that a run waits with, from outside of it; returns the question.

    Raises UsageError where it does not wait for this answer, or for none any more.
    """
    request = open_request(journal, run, step)
    if not answers.give(journal.store, run, step, encode(Approval, answer)):
        first = answers.given(journal.store, run, step)
        by = "" if first is None else f" by {decode(Approval, first).by}"
        raise UsageError(
            f"{step} of run {run} has been answered already{by}",
            help=f"`rectune status {run}` shows the answer",
        )
    return request
