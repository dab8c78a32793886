"""A model edits a skill in words; numbers, statuses and what may be edited are decided by code."""

from dataclasses import replace

import pytest

from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.llm.skill import LLMSkill
from rectune_dsl.agents.skill_numeric import NumericSkill
from rectune_dsl.hooks.api import KnowledgeRecord, Scope, Skill

NOTHING = {"write": [], "merge": [], "retire": [], "bounds": []}
PAGE = dict.fromkeys(
    ("description", "context", "requirement", "north_star", "initial_config", "domain_knowledge", "tools"),
    "## Tools\n\nSomething\u202e worth knowing.",
)
SLOTS = dict.fromkeys(
    ("context", "requirement", "north_star", "initial_config", "domain_knowledge", "tools"), "x"
)


def edits(**some):
    return {**NOTHING, **some}


def skill(*records):
    return Skill("fusion", "d", knowledge=records, **SLOTS)


@pytest.fixture
def learnt(kit, models):
    """`learnt(llm, *records, ...)`: the revisions after some rounds, with records in the skill."""
    world = kit.world(kit.task(), errors={"watch": 0.001, "returns": 0.001})
    history = models.rounds(world, 2, arms=6)
    insight = NumericInsight().learn(kit.context(world.task, history))

    def evolve(llm, *records, agent=None, history=history, insight=insight, **fields):
        task = fields.pop("task", world.task)
        known = skill(*records) if task.task.skill else None
        context = kit.context(task, history, skill=known, llm=llm, **fields)
        return list((agent or LLMSkill()).evolve(context, insight))

    evolve.insight, evolve.history = insight, history
    evolve.numeric = evolve(None, agent=NumericSkill())[0].records
    return evolve


@pytest.fixture
def record(learnt):
    """`record(number, ...)`: one of the numeric agent's records, as the skill has it."""
    return lambda number, **fields: replace(learnt.numeric[number], **fields)


def test_a_record_has_the_models_words_and_the_campaigns_numbers(learnt, models):
    llm = models.scripted(edits(write=[{"mechanic": "M1", "statement": "Worth raising\u202e first."}]))
    (revision,) = learnt(llm)
    (record,) = revision.records
    said = f"Worth raising\ufffd first. {learnt.numeric[0].statement}"
    assert record == replace(learnt.numeric[0], statement=said, author="skill llm", status="candidate")
    assert revision.skill == "fusion"


@pytest.mark.parametrize("statement", ["It gives 47.11 %.", "", "\x00"])
def test_a_statement_with_other_numbers_or_none_is_the_numeric_one(learnt, models, statement):
    (revision,) = learnt(models.scripted(edits(write=[{"mechanic": "M1", "statement": statement}])))
    said = revision.records[0].statement
    assert said == learnt.numeric[0].statement or statement == "\x00"
    assert "47.11" not in said


def test_mechanics_that_nobody_showed_are_no_records(learnt, models):
    llm = models.scripted(edits(write=[{"mechanic": "M999", "statement": "Invented."}]))
    assert learnt(llm) == []


def test_what_was_retired_is_shown_and_not_taken_again(learnt, record, models):
    gone = record(0, status="retired", why="it lost its bets")
    told = edits(write=[{"mechanic": f"M{i}", "statement": "Again."} for i in range(1, 20)])
    llm = models.scripted(told)
    (revision,) = learnt(llm, gone)
    assert gone.id not in [r.id for r in revision.records]
    assert len(revision.records) == len(learnt.numeric) - 1
    assert '"retired because": "it lost its bets"' in llm.told


def test_no_edit_sets_a_status(learnt, record, models):
    llm = models.scripted(edits(write=[{"mechanic": "M1", "statement": "Fine."}]))
    assert learnt(llm)[0].records[0].status == "candidate"
    assert (
        learnt(llm, record(0, status="active"))[0].records[0].status == "candidate"
    )  # it stays active there


@pytest.mark.parametrize(
    ("fields", "goes"),
    [
        ({"supports": ("a",), "contradicts": ("b", "c")}, True),
        ({"supports": (), "contradicts": (), "harmful": 1}, True),
        ({"supports": ("a", "b"), "contradicts": ("c",)}, False),
        ({"supports": (), "contradicts": ("b", "c"), "status": "active"}, False),
    ],
    ids=["more against", "harmful", "more for", "active"],
)
def test_only_what_evidence_speaks_against_is_retired(learnt, record, models, fields, goes):
    known = record(0, **{"status": "candidate", **fields})
    found = learnt(models.scripted(edits(retire=[{"record": known.id, "why": "It\nlost."}])), known)
    assert [dict(r.retired) for r in found] == ([{known.id: "It lost."}] if goes else [])


def test_records_of_one_cause_and_metric_are_merged_and_no_others(learnt, record, models):
    old, other = record(0, id="old"), record(1)
    llm = models.scripted(
        edits(
            merge=[
                {"from_record": "old", "record": learnt.numeric[0].id},
                {"from_record": learnt.numeric[0].id, "record": "old"},
                {"from_record": other.id, "record": "old"},
                {"from_record": "old", "record": "nowhere"},
            ]
        )
    )
    (revision,) = learnt(llm, record(0), old, other)
    assert revision.merged == {"old": learnt.numeric[0].id}
    (revision,) = learnt(llm, record(0), record(0, id="old", status="active"), other)
    assert revision.merged == {learnt.numeric[0].id: "old"}  # what is active stays


def test_records_of_a_skill_that_nobody_trusts_are_neither_told_nor_edited(kit, learnt, record, models):
    known = record(0, status="candidate", contradicts=("a",) * 9)
    foreign = replace(skill(replace(known, id="foreign")), trusted=False)
    llm = models.scripted(edits(retire=[{"record": "foreign", "why": "Away."}]))
    context = kit.context(kit.task(), learnt.history, skill=foreign, llm=llm)
    assert LLMSkill().evolve(context, learnt.insight) == ()
    assert "foreign" not in llm.told


# --- bounds ---


def bounds(param="a_long", low=0.0, high=2.0, outside=0.3, why="The rest failed."):
    return {"param": param, "low": low, "high": high, "outside": outside, "why": why}


def tightened(learnt, llm, *records):
    return [r for revision in learnt(llm, *records) for r in revision.records]


def test_bounds_are_clipped_to_the_operators_and_say_what_looks_outside(learnt, models):
    llm = models.scripted(edits(bounds=[bounds(low=-5.0, high=2.0, outside=0.9)]))
    (record,) = tightened(learnt, llm)
    assert (record.bounds.param, record.bounds.low, record.bounds.high) == ("a_long", 0.0, 2.0)
    assert record.bounds.outside == 0.5
    assert record.status == "candidate"
    assert record.statement == (
        "a_long is worth a test between 0 and 2; 50 % of the proposals look elsewhere. The rest failed."
    )


@pytest.mark.parametrize(
    "bad",
    [
        bounds(param="stranger"),
        bounds(low=2.0, high=0.2),
        bounds(low=0.59, high=0.61),
        bounds(low=2.5, high=3.0),
        bounds(low=-1e300, high=1e300),
    ],
    ids=["unknown param", "turned", "too narrow", "without production", "no bounds at all"],
)
def test_bounds_that_make_no_sense_are_dropped(learnt, models, bad):
    assert tightened(learnt, models.scripted(edits(bounds=[bad]))) == []


def test_bounds_keep_the_best_arm(learnt, models):
    best = learnt.insight.elite[0].config["a_click"]
    low, high = (0.2, (1.0 + best) / 2) if best > 1.0 else ((1.0 + best) / 2, 3.0)
    llm = models.scripted(edits(bounds=[bounds("a_click", low, high)]))
    assert tightened(learnt, llm) == []


def test_numbers_in_a_reason_have_to_be_known(learnt, models):
    llm = models.scripted(edits(bounds=[bounds(why="It gives 47.11 %.")]))
    assert "47.11" not in tightened(learnt, llm)[0].statement


def test_bounds_that_were_retired_do_not_come_back(learnt, models):
    llm = models.scripted(edits(bounds=[bounds()]))
    (record,) = tightened(learnt, llm)
    assert tightened(learnt, llm, replace(record, status="retired")) == []


# --- novel skills ---


@pytest.fixture
def uncovered(kit):
    return kit.task(skill=None)


def test_a_task_that_no_skill_covers_gets_a_page_of_its_own(learnt, models, uncovered):
    llm = models.scripted(edits(novel=PAGE, write=[{"mechanic": "M1", "statement": "Fine."}]))
    (revision,) = learnt(llm, task=uncovered)
    assert revision.skill == "fusion"  # the task's name
    assert revision.novel.tools == "Tools Something\ufffd worth knowing."
    assert [r.statement for r in revision.records] == [f"Fine. {learnt.numeric[0].statement}"]
    assert "no skill covers this task" in llm.told


def test_an_empty_slot_is_the_numeric_one(learnt, models, uncovered):
    numeric = learnt(None, task=uncovered, agent=NumericSkill())[0].novel
    written = [{"mechanic": "M1", "statement": "A."}]
    (revision,) = learnt(models.scripted(edits(novel={**PAGE, "tools": " "}, write=written)), task=uncovered)
    assert revision.novel.tools == numeric.tools
    assert revision.novel.context != numeric.context
    (revision,) = learnt(models.scripted(edits(write=written)), task=uncovered)
    assert revision.novel == numeric


def test_a_skill_that_is_there_is_not_written_anew(learnt, models):
    llm = models.scripted(edits(novel=PAGE, write=[{"mechanic": "M1", "statement": "Fine."}]))
    assert learnt(llm)[0].novel is None
    assert "novel" not in llm.questions[0][1]["properties"]


def test_records_that_are_numbers_alone_are_passed_on(kit, learnt, models):
    history = models.rounds(kit.world(kit.task()), 4)
    insight = NumericInsight().learn(kit.context(kit.task(), history))
    numeric = learnt(None, agent=NumericSkill(), history=history, insight=insight)[0].records
    numbers = [r for r in numeric if r.mechanic is None]
    llm = models.scripted(edits(bounds=[bounds(r.bounds.param, 0.0, 3.0) for r in numbers]))
    (revision,) = learnt(llm, history=history, insight=insight)
    assert list(revision.records) == numbers != []


# --- no answer ---


def test_without_a_usable_answer_it_is_the_numeric_revision_and_says_so(learnt, models):
    for outcome, why in (("blocked", "blocked"), ("capped", "the budget is spent")):
        (revision,) = learnt(models.scripted(models.no_answer(outcome)))
        assert revision.records == learnt.numeric
        assert revision.why.endswith(f"Skill llm (fell back to numeric: {why}).")
    (revision,) = learnt(models.scripted("junk"))
    assert revision.why.endswith("Skill llm (fell back to numeric: no usable answer).")


def test_an_answer_without_edits_is_an_answer(learnt, models):
    assert learnt(models.scripted(NOTHING)) == []


def test_words_alone_are_no_record(learnt, models):
    known = KnowledgeRecord("w", "Just words.", Scope(), "candidate", None, ("a",), (), "t")
    llm = models.scripted(edits(merge=[{"from_record": "w", "record": learnt.numeric[0].id}]))
    assert learnt(llm, known, learnt.numeric[0]) == []
