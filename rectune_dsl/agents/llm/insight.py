"""An Insight agent whose numbers are computed and whose words are a model's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rectune_dsl.agents import words
from rectune_dsl.agents.across import THIS_TASK, Finding, findings, shared
from rectune_dsl.agents.describing import change_of
from rectune_dsl.agents.insight_numeric import SHARED, NumericInsight
from rectune_dsl.agents.llm import brief
from rectune_dsl.agents.llm.asking import Silence, asked
from rectune_dsl.agents.llm.facts import Facts
from rectune_dsl.agents.llm.prompt import capped, question
from rectune_dsl.agents.llm.schema import Schema, record, rows, text
from rectune_dsl.hooks.api import AgentContext, EliteArm, Insight

MOST_NOTES = 8
NOTE = 300
"""Most characters of a note."""
MOST_FACTS = 40
"""Under one title."""


@dataclass(frozen=True)
class Note:
    """A sentence, and the ids of the facts that it rests on."""

    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Notes:
    notes: tuple[Note, ...]


class LLMInsight:
    """Learns what the numeric agent learns, and adds what a model reads in it: about this task, and about
    what tasks share. A sentence without facts behind it, or with other numbers than theirs, is dropped."""

    name = "llm"
    asks_model = True

    def learn(self, context: AgentContext) -> Insight:
        insight = NumericInsight().learn(context)
        facts = facts_of(context, insight)
        answer = _ask(context, facts)
        if isinstance(answer, Silence):
            told = [f"Insight {answer.fell_back(self.name, NumericInsight.name)}."]
        else:
            told = [f"The model: {said}" for said in _backed(answer, facts)]
        return replace(insight, notes=(*insight.notes, *told))


def facts_of(context: AgentContext, insight: Insight) -> Facts:
    """This task's facts; each other task's, one by one; and what is left of all of them when they are put
    together: mechanics that tasks share, and how much they differ."""
    known = [m for m in insight.mechanics if not m.low <= 0 <= m.high]
    found = findings(context, known)
    own = (
        *(note for note in insight.notes if not note.startswith(SHARED)),
        *(m.statement for m in known),
        *_elite(context, insight.elite),
        *(words.sentence(doubt) for doubt in context.doubts),
    )
    return Facts.numbered(
        (
            ("facts of this task", own[:MOST_FACTS]),
            ("facts shared by tasks", [str(one) for one in shared(found)][:MOST_FACTS]),
            ("facts of other tasks", list(_others(found))[:MOST_FACTS]),
        )
    )


def _elite(context: AgentContext, elite: Sequence[EliteArm]) -> Iterator[str]:
    for arm in elite:
        lifts = brief.measured_lifts(context, arm.arm, tuple(context.task.judged))
        showed = words.listed(f"{metric} {told}" for metric, told in lifts.items())
        yield f"{arm.arm} is among the best: it {change_of(context, arm.config)}, and showed {showed}."


def _others(found: Sequence[Finding]) -> Iterator[str]:
    for finding in found:
        m = finding.mechanic
        if finding.task != THIS_TASK:
            told = f"{m.metric} {words.interval(m.effect, m.low, m.high)}"
            yield f"{finding.task}: {m.cause} {m.unit}: {told} ({finding.status})."


def _ask(context: AgentContext, facts: Facts) -> Notes | Silence:
    def problems(answer: Notes) -> Sequence[str]:
        if _backed(answer, facts):
            return ()
        return ["no note cites facts of the data by their ids and has only their numbers in it"]

    sections = [brief.task_of(context), brief.metrics_of(context), *facts.shown, brief.params_of(context)]
    return asked(context, question("insight", sections), Notes, _schema(), problems)


def _schema() -> Schema:
    note = {"text": text(NOTE), "facts": rows(text(8), MOST_NOTES)}
    return record({"notes": rows(record(note), MOST_NOTES)})


def _backed(answer: Notes, facts: Facts) -> list[str]:
    """The sentences that facts stand behind, as they would be written down."""
    told = [(capped(note.text, NOTE), note.facts) for note in answer.notes]
    return [words.sentence(said) for said, ids in told if said and facts.back(said, ids)][:MOST_NOTES]
