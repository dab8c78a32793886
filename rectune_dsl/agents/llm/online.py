"""An Online agent that runs experiments by numbers, and tells people about them in a model's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from rectune_dsl.agents import words
from rectune_dsl.agents.describing import described
from rectune_dsl.agents.llm import brief
from rectune_dsl.agents.llm.asking import Silence, asked
from rectune_dsl.agents.llm.facts import backed
from rectune_dsl.agents.llm.prompt import Section, capped, question
from rectune_dsl.agents.llm.schema import Schema, record, text
from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.hooks.api import AgentContext, AskedFor, ChangeDescription, Proposal

LONGEST = 400
"""Most characters of each part."""


@dataclass(frozen=True)
class Description:
    for_users: str
    expected: str
    risk: str
    rollback: str


class LLMOnline(NumericOnline):
    """Designs and steps as the numeric agent does. Of a model's description it keeps the parts that have no
    numbers but the numeric description's; the others are the numeric ones."""

    name = "llm"
    asks_model = True

    def describe(
        self, context: AgentContext, asked_for: AskedFor, proposals: Sequence[Proposal]
    ) -> ChangeDescription:
        known = described(context, asked_for, proposals, self.name)
        answer = _ask(context, asked_for, proposals, known)
        if isinstance(answer, Silence):
            return replace(known, author=answer.fell_back(self.name, NumericOnline.name))
        return replace(known, **_kept(answer, known))


def _kept(answer: Description, known: ChangeDescription) -> dict[str, str]:
    """The parts, cleaned, that say something, and no number beyond what is known. Risk and rollback are added
    to, never replaced: nobody talks them away."""
    sources = list(asdict(known).values())
    told = {part: capped(said, LONGEST) for part, said in asdict(answer).items()}
    kept = {part: said for part, said in told.items() if said and backed(said, sources)}
    for part in kept.keys() & {"risk", "rollback"}:
        kept[part] = f"{words.sentence(kept[part])} {getattr(known, part)}"
    return kept


def _ask(
    context: AgentContext, asked_for: AskedFor, proposals: Sequence[Proposal], known: ChangeDescription
) -> Description | Silence:
    numeric = {part: said for part, said in asdict(known).items() if part != "author"}
    told = tuple(
        {
            "proposal": p.name,
            "changes": brief.changed(context, p.config),
            "hypothesis": capped(p.hypothesis.statement, 2 * brief.STATEMENT),
        }
        for p in proposals
    )
    sections = [
        brief.task_of(context),
        Section("asked", ({"asked": asked_for},)),
        Section("by the numbers", (numeric,)),
        brief.metrics_of(context),
        Section("proposals", told),
        brief.params_of(context),
    ]

    def problems(answer: Description) -> Sequence[str]:
        return () if _kept(answer, known) else ["no part has only numbers that stand under `by the numbers`"]

    return asked(context, question("online", sections), Description, _schema(), problems)


def _schema() -> Schema:
    return record({part: text(LONGEST) for part in ("for_users", "expected", "risk", "rollback")})
