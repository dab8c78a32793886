"""Whether what a step wants to do may be done: somebody is asked, or nobody has to be."""

from __future__ import annotations

from collections.abc import Callable

from rectune_dsl.workflow.approval import approval_key, has_to_ask
from rectune_dsl.workflow.journaled import Approval, Request
from rectune_dsl.workflow.parts import Parts


def consent(parts: Parts, step: str, request: Callable[[], Request]) -> Approval:
    """The answer to a step's request, which is made only where somebody has to be asked."""
    if has_to_ask(parts.task, parts.capabilities):
        return parts.questions.ask(step, request)
    auto = parts.task.approval.mode == "auto"
    why = "the task says `auto`" if auto else "the backend serves no real traffic"
    unasked = Approval(True, "rectune", why, asked=False)
    return parts.recorder.act(approval_key(step), Approval, lambda: unasked)
