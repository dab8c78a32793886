"""Questions to the people in charge: whether to launch, to confirm, to ship; and where answers come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.memory import answers
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.journaled import Approval, Request
from rectune_dsl.workflow.pause import Pause
from rectune_dsl.workflow.standing import open_request
from rectune_dsl.workflow.watch import Asked, Watcher


class Approver(Protocol):
    """Whoever is here. Answers given from elsewhere are found without it."""

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
        asked = act(f"{step}/request", Request, request)
        self.watch(Asked(asked))
        answer = self.pause.answer(key, f"an answer to {asked.step}", lambda: self._answer(asked))
        return act(key, Approval, lambda: answer)

    def _answer(self, asked: Request) -> Approval | None:
        given = answers.given(self.journal.store, self.recorder.run, asked.step)
        if given is not None:
            return decode(Approval, given)
        if asked.expires is not None and datetime.now(UTC) >= asked.expires:
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

    Raises UsageError where it does not wait for this answer.
    """
    request = open_request(journal, run, step)
    answers.give(journal.store, run, step, encode(Approval, answer))
    return request
