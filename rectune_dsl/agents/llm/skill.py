"""A Skill agent that writes revisions in a model's words and with the campaign's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from rectune_dsl.agents import words
from rectune_dsl.agents.llm import brief
from rectune_dsl.agents.llm.asking import Silence, asked
from rectune_dsl.agents.llm.edits import OUTSIDE, STATEMENT, Editor, Merge, Retire, Tighten, Written
from rectune_dsl.agents.llm.prompt import Row, Section, capped, question
from rectune_dsl.agents.llm.schema import Schema, number, one_of, record, rows, text
from rectune_dsl.agents.skill_numeric import NumericSkill, skill_of
from rectune_dsl.hooks.api import AgentContext, Insight, KnowledgeRecord, NovelSkill, SkillRevision

MOST_EDITS = 12
"""Of one kind in one revision."""
SLOT = 1_500
"""Most characters of a novel skill's slot."""
_PAGE = tuple(field.name for field in fields(NovelSkill))


@dataclass(frozen=True)
class Edits:
    """What a model would do to a skill."""

    write: tuple[Written, ...] = ()
    merge: tuple[Merge, ...] = ()
    retire: tuple[Retire, ...] = ()
    bounds: tuple[Tighten, ...] = ()
    novel: NovelSkill | None = None


class LLMSkill:
    """Adds, updates, merges and retires records, tightens bounds, and writes a page where no skill covers the
    task. What becomes of an edit is decided by evidence, elsewhere. Records without a mechanic are passed on
    as the numeric agent made them."""

    name = "llm"
    asks_model = True

    def evolve(self, context: AgentContext, insight: Insight) -> Sequence[SkillRevision]:
        editor = Editor(context, insight)
        if not editor.candidates and not editor.records:
            return editor.numeric
        answer = _ask(context, insight, editor)
        if isinstance(answer, Silence):
            told = answer.fell_back(self.name, NumericSkill.name)
            return [replace(revision, why=f"{revision.why} Skill {told}.") for revision in editor.numeric]
        revision = _revision(editor, answer, skill_of(context))
        return (revision,) if revision.records or revision.merged or revision.retired else ()


def _revision(editor: Editor, edits: Edits, skill: str) -> SkillRevision:
    records = (*editor.written(edits.write), *editor.kept, *editor.tightened(edits.bounds))
    merged = editor.merged(edits.merge)
    retired = {
        name: why
        for name, why in editor.retired(edits.retire).items()
        if name not in (*merged, *merged.values())
    }
    novel = editor.novel and _page(edits.novel, editor.novel)
    parts = [
        words.count(len(records), "record"),
        f"{len(merged)} merged",
        f"{len(retired)} retired",
        *(["a new skill"] if novel else []),
    ]
    why = f"Written by a model, with the campaign's numbers: {words.listed(parts)}."
    return SkillRevision(skill, records, why, merged, retired, novel)


def _page(written: NovelSkill | None, numeric: NovelSkill) -> NovelSkill:
    """The model's slots on plain lines, none of which is a heading; the numeric one where one is empty."""
    if written is None:
        return numeric
    slots = {name: capped(getattr(written, name), SLOT).lstrip("#-=<>`~ ") for name in _PAGE}
    return replace(numeric, **{name: said for name, said in slots.items() if said})


def _ask(context: AgentContext, insight: Insight, editor: Editor) -> Edits | Silence:
    uncovered = editor.novel is not None
    rejected = [_named(record) for record in editor.rejected]
    sections = [
        brief.task_of(context),
        *([brief.wanted("no skill covers this task: write `novel`")] if uncovered else []),
        Section("mechanics", tuple(_citable(name, r) for name, r in editor.candidates.items())),
        Section("records of the skill", tuple(map(brief.record_row, editor.live))),
        Section("rejected", tuple(rejected)),
        brief.metrics_of(context),
        brief.params_of(context),
        brief.elite_of(context, insight),
        brief.failures_of(context),
        brief.learnt_of(context, insight),
        *brief.skills_of(context),
    ]
    return asked(context, question("skill", sections), Edits, _schema(context, editor, uncovered))


def _schema(context: AgentContext, editor: Editor, uncovered: bool) -> Schema:
    live = one_of([record.id for record in editor.live])
    tight = {
        "param": one_of(list(context.task.params)),
        "low": {"type": "number"},
        "high": {"type": "number"},
        "outside": number(*OUTSIDE),
        "why": text(STATEMENT),
    }
    written = {"mechanic": one_of(list(editor.candidates)), "statement": text(STATEMENT)}
    edits = {
        "write": rows(record(written), MOST_EDITS),
        "merge": rows(record({"from_record": live, "record": live}), MOST_EDITS),
        "retire": rows(record({"record": live, "why": text(STATEMENT)}), MOST_EDITS),
        "bounds": rows(record(tight), MOST_EDITS),
    }
    page = {"novel": record({name: text(SLOT) for name in _PAGE})} if uncovered else {}
    return record(edits | page)


def _citable(name: str, found: KnowledgeRecord) -> Row:
    return {"mechanic": name, "says": capped(found.statement, STATEMENT)}


def _named(rejected: KnowledgeRecord) -> Row:
    return {
        "record": capped(rejected.id, brief.NAME),
        "says": capped(rejected.statement, STATEMENT),
        "retired because": capped(rejected.why, STATEMENT),
    }
