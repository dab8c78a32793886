"""What a campaign makes of its experiments for the Skillhub: forecasts before, scores and revisions after.

Which records predict well is not for agents to say: forecasts are registered before an experiment begins, and
scored by the rules of the evidence gate, whoever wrote the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from rectune_dsl.agents.forecasts import forecasts
from rectune_dsl.agents.skill_numeric import COMPUTED
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import (
    Arm,
    Forecast,
    Insight,
    KnowledgeRecord,
    RoundResult,
    Scored,
    SkillRevision,
)
from rectune_dsl.memory.recorder import NOTHING
from rectune_dsl.skillhub.gate import judge, score
from rectune_dsl.workflow.clock import utc_now
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.parts import Parts

KEPT = 3
"""Campaigns on one task whose responses and bounds are active at once."""


@dataclass(frozen=True)
class Scores:
    """What an experiment said of records, by the skills that hold them; `on` is the day of it. `campaign` is
    what its experiments are called in the Skillhub; a journal from before it was kept does not tell."""

    on: date
    of: tuple[tuple[str, str, Scored], ...]
    campaign: str = ""


class Learning:
    """One campaign's dealings with the Skillhub. Its experiments are called by `evidence` there."""

    def __init__(self, parts: Parts, contexts: Contexts) -> None:
        self._parts = parts
        self._act = parts.recorder.act
        self._contexts = contexts
        self._campaign = parts.evidence
        self._found: dict[str, tuple[str, KnowledgeRecord]] = {}  # id -> skill, record: of this campaign
        self._forecasts: tuple[Forecast, ...] = ()

    def register(self, step: Step, arms: Sequence[Arm], history: tuple[RoundResult, ...]) -> None:
        """Write down what records predict of an experiment that has not begun."""

        def work() -> tuple[Forecast, ...]:
            found = [record for _, record in self._found.values()]
            known = [record for _, record in self._known() if record.id not in self._found]
            return forecasts(self._contexts.of(step, history), arms[1:], found, known)

        self._forecasts = self._act(f"{step.name}/forecasts", tuple[Forecast, ...], work)

    def evolve(self, step: Step, history: tuple[RoundResult, ...], insight: Insight) -> None:
        """Take the Skill agent's revisions, and judge the records that this round has scored."""
        agent, context = self._parts.agents.skill, partial(self._contexts.of, step, history)
        revisions = self._act(
            step.name, tuple[SkillRevision, ...], lambda: tuple(agent.evolve(context(), insight))
        )
        last = history[-1] if history and history[-1].round == step.round else None
        scores = self._act(f"{step.name}/scores", Scores, lambda: self._scores(last))
        self._forecasts = ()
        for skill in dict.fromkeys(skill for skill, _, _ in scores.of):  # before what they say is rewritten
            mine = {id: scored for of, id, scored in scores.of if of == skill}
            judge_them = partial(self._judge, skill, mine, scores.on)
            self._contexts.withdraw(self._act(f"{step.name}/judge-{skill}", tuple[str, ...], judge_them))
        for number, revision in enumerate(revisions, 1):
            named = self._named(revision)
            held = (record for skill, record in self._found.values() if skill == named.skill)
            gone = stale(held, {record.id for record in named.records})
            named = replace(named, retired={**gone, **named.retired})
            found = self._found | {record.id: (named.skill, record) for record in named.records}
            self._found = {id: told for id, told in found.items() if id not in named.retired}
            self._act(f"{step.name}/apply-{number}", NOTHING, partial(self._apply, named, scores.on))

    def _known(self) -> list[tuple[str, KnowledgeRecord]]:
        """Records that were there when the run began, of trusted skills, with the skills' names."""
        skills = [*([self._parts.skill] if self._parts.skill else []), *self._parts.borrowed]
        return [(s.name, r) for s in skills if s.trusted for r in s.knowledge if r.status != "retired"]

    def _scores(self, result: RoundResult | None) -> Scores:
        holders = {record.id: skill for skill, record in self._known()}
        holders |= {id: skill for id, (skill, _) in self._found.items()}
        found = []
        for id in dict.fromkeys(forecast.record for forecast in self._forecasts):
            mine = [forecast for forecast in self._forecasts if forecast.record == id]
            scored = score(mine, result) if result is not None else None
            if scored is not None and id in holders:
                key = f"{self._campaign}/{scored.experiment}"
                found.append((holders[id], id, replace(scored, experiment=key)))
        return Scores(utc_now().date(), tuple(found), self._campaign)

    def _apply(self, revision: SkillRevision, on: date) -> None:
        hub = self._parts.hub
        if revision.novel is not None and revision.skill in hub.names():
            revision = replace(revision, novel=None)  # made in an earlier round, or by another run
        if revision.novel is None and revision.skill not in hub.names():
            return
        hub.apply(revision, run=self._parts.recorder.run, when=on)

    def _judge(self, skill: str, scores: Mapping[str, Scored], on: date) -> tuple[str, ...]:
        """Let the gate judge a skill's records as they are now. Returns the ids of those that it retires.

        What is no longer there was retired for want of room, or by a person.
        """
        known = {record.id: record for record in self._parts.hub.load(skill).knowledge}
        living = {id: known[id] for id in scores if id in known and known[id].status != "retired"}
        task, today = self._parts.task, on.isoformat()
        judged = [judge(r, scores[id], among(r, task), today) for id, r in living.items()]
        now = [*{**known, **{record.id: record for record in judged}}.values()]
        superseded = {id: why for record in judged for id, why in _superseded(record, now).items()}
        self._parts.hub.apply(
            SkillRevision(skill, tuple(judged), "what the last experiment said", retired=superseded),
            run=self._parts.recorder.run,
            when=on,
            judged=True,
        )
        return tuple(record.id for record in judged if record.status == "retired")

    def _named(self, revision: SkillRevision) -> SkillRevision:
        return replace(revision, records=tuple(map(self._named_record, revision.records)))

    def _named_record(self, record: KnowledgeRecord) -> KnowledgeRecord:
        """The record with its experiments named across campaigns: `round-3/experiment` gets a prefix."""
        mechanic = record.mechanic
        if mechanic is not None:
            mechanic = replace(mechanic, evidence=self._qualified(mechanic.evidence))
        supports, contradicts = self._qualified(record.supports), self._qualified(record.contradicts)
        id = id_of(record, self._campaign)
        return replace(record, id=id, mechanic=mechanic, supports=supports, contradicts=contradicts)

    def _qualified(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{self._campaign}/{key}" for key in keys)


def id_of(record: KnowledgeRecord, campaign: str) -> str:
    """The id that an agent's record has in the Skillhub. What one campaign has learnt of all features at once
    is a record of its own."""
    return record.id if _kind(record) is None else _hashed(f"{campaign}/{record.id}")


def stale(held: Iterable[KnowledgeRecord], said: Collection[str]) -> dict[str, str]:
    """Of what a campaign's skill holds, the bounds that are computed anew in each round, and whose ids were
    not `said` in this one, with the reason to retire them. What is active meanwhile only evidence retires."""
    return {
        record.id: "after one more round it is not narrowed any more"
        for record in held
        if record.bounds and record.author == COMPUTED and record.id not in said
    }


def among(record: KnowledgeRecord, task: Task) -> int:
    """How many records of one cause are tested side by side: one per judged metric, and bounds."""
    return 1 if record.responses else len(task.judged) + 1


def _superseded(new: KnowledgeRecord, known: Sequence[KnowledgeRecord]) -> dict[str, str]:
    """Of the active records of one kind and scope, each of another campaign, the newest few stay: they are
    used together, so none of them has to be better than the others."""
    if new.status != "active" or _kind(new) is None:
        return {}
    alike = [r for r in known if r.status == "active" and r.scope == new.scope and _kind(r) == _kind(new)]
    alike.sort(key=lambda record: (record.created or record.changed, record.id == new.id))
    return {record.id: f"superseded by {KEPT} newer ones" for record in alike[:-KEPT]}


def _kind(record: KnowledgeRecord) -> object:
    """What a campaign has one record about; None for what all campaigns share a record about."""
    if record.bounds is not None:
        return record.bounds.param
    return any(response.causes for response in record.responses) if record.responses else None


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
