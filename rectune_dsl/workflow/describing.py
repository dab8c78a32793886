"""What people are told of the arms they are asked about, in the Online agent's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rectune_dsl.hooks.api import AskedFor, ChangeDescription, Describer, Proposal, RoundResult
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.contracts import well_described
from rectune_dsl.workflow.parts import Parts


def description(
    parts: Parts,
    contexts: Contexts,
    step: Step,
    asked_for: AskedFor,
    proposals: Sequence[Proposal],
    history: tuple[RoundResult, ...],
) -> ChangeDescription | None:
    """The description, an act of the step that asks; None where the Online agent has no words for it."""
    online = parts.agents.online
    if not isinstance(online, Describer):
        return None
    # nobody does the step itself: whoever may be asked a model here is the Online agent
    told_by = replace(step, agent=f"online {parts.task.agents.online}")

    def work() -> ChangeDescription:
        context = contexts.of(told_by, history, "description")
        return well_described(online.describe(context, asked_for, proposals))

    return parts.recorder.act(f"{step.name}/description", ChangeDescription, work)
