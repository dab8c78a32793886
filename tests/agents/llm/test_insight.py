"""Words are a model's, numbers are not: a sentence without facts behind it is dropped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.agents.across import Finding, findings, shared
from rectune_dsl.agents.failing import failure_regions
from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.llm.facts import Facts, backed, numbers
from rectune_dsl.agents.llm.insight import MOST_NOTES, LLMInsight, facts_of
from rectune_dsl.hooks.api import Arm, Config, KnowledgeRecord, Mechanic, Scope, Skill
from rectune_dsl.surrogate.limits import Z90


def note(text, *facts):
    return {"text": text, "facts": list(facts)}


def notes(*found):
    return {"notes": list(found)}


@pytest.fixture
def learnt(kit, models):
    task = kit.task()
    history = models.rounds(kit.world(task), 3)

    def learn(llm, **fields):
        return LLMInsight().learn(kit.context(task, history, llm=llm, **fields))

    learn.numeric = NumericInsight().learn(kit.context(task, history))
    learn.facts = facts_of(kit.context(task, history), learn.numeric)
    return learn


def added(learnt, llm):
    found = learnt(llm)
    count = len(learnt.numeric.notes)
    assert found.notes[:count] == learnt.numeric.notes
    assert (found.elite, found.mechanics) == (learnt.numeric.elite, learnt.numeric.mechanics)
    return list(found.notes[count:])


def test_a_note_with_its_facts_is_kept(learnt, models):
    llm = models.scripted(notes(note("The best and the worst arms differ in few params.", "F1")))
    assert added(learnt, llm) == ["The model: The best and the worst arms differ in few params."]


@pytest.mark.parametrize(
    "bad",
    [
        note("Likes matter most."),
        note("Likes matter most.", "F999"),
        note("Likes matter most.", "F1", "F999"),
        note("Likes raise watch time by 47.11 %.", "F1"),
        note("", "F1"),
    ],
    ids=["no facts", "unknown fact", "one unknown fact", "foreign number", "empty"],
)
def test_a_note_without_facts_behind_it_is_dropped(learnt, models, bad):
    good = note("What the best arms share is worth a look.", "F1")
    assert added(learnt, models.scripted(notes(bad, good))) == [
        "The model: What the best arms share is worth a look."
    ]


def test_a_number_may_be_repeated_with_another_sign(learnt, models):
    fact = learnt.facts.sections[0][1][0]
    number = max(numbers(fact.text), key=len)
    assert added(learnt, models.scripted(notes(note(f"It is about {number} in {fact.id}.", fact.id))))


def test_notes_are_few_capped_and_clean(learnt, models):
    llm = models.scripted(notes(*[note(f"word\u202e {'long ' * 500}", "F1")] * 50))
    found = added(learnt, llm)
    assert len(found) == MOST_NOTES
    assert all(len(text) < 330 and text.isprintable() for text in found)


def test_without_a_usable_answer_it_is_the_numeric_one_and_says_so(learnt, unusable):
    llm, why = unusable
    assert added(learnt, llm) == [f"Insight llm (fell back to numeric: {why})."]


def test_an_answer_without_one_good_note_is_sent_back_once(learnt, models):
    llm = models.scripted(notes(note("Trust me: +99 %.", "F1")), notes(note("It is as it is.", "F1")))
    assert added(learnt, llm) == ["The model: It is as it is."]
    assert "has only their numbers in it" in llm.questions[1][0][-1]


# --- numbers ---


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("falls by 0.80 % to -3", {"0.8", "3"}),
        ("1,234.50 and 1e3", {"1234.5", "1000"}),
        ("r1p2 beats R1P3", {"r1p2", "r1p3"}),
        ("0.1-0.4, 5; (6).", {"0.1", "0.4", "5", "6"}),
        ("no number at all", set()),
        ("１２ and ½", {"12", "1", "2"}),
    ],
)
def test_what_counts_as_a_number(text, found):
    assert numbers(text) == found


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_text_is_backed_by_itself_and_by_more(text, other):
    assert backed(text, [text])
    assert backed(text, [f"{text} {other}"])


@given(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), st.floats(-1e6, 1e6).map(lambda x: round(x, 3)))
def test_another_number_is_not_backed(one, other):
    assert backed(f"by {one}", [f"it is {other} then"]) == (f"{abs(one):.12g}" == f"{abs(other):.12g}")


def test_facts_are_numbered_through():
    facts = Facts.numbered((("a", ["x 1", "y 2"]), ("b", ["z 3"])))
    assert [fact.id for _, found in facts.sections for fact in found] == ["F1", "F2", "F3"]
    assert facts.back("z is 3 and y 2", ["F2", "F3"])
    assert not facts.back("x is 1", ["F3"])


# --- failures ---


def test_where_arms_fail_is_said_in_ranges(kit):
    task = kit.task(arms=4)
    production = task.production
    configs = [{**production, "a_long": a} for a in (0.7, 0.9, 2.4, 2.8)]
    arms = [Arm(f"r1p{i}", Config(c)) for i, c in enumerate(configs, 1)]
    truths = [{"watch": 0.0, "returns": r} for r in (0.0, 0.0, -0.05, -0.06)]
    history = [kit.round_of(task, 1, arms, truths, {"watch": 0.01, "returns": 0.002})]
    assert failure_regions(kit.context(task, history)) == [
        "2 arms failed, all with a_long between 2.4 and 2.8; the other 2 arms had it between 0.7 and 0.9."
    ]
    assert any("2 arms failed" in text for text in NumericInsight().learn(kit.context(task, history)).notes)


def test_failures_that_lie_among_the_others_set_no_param_apart(kit):
    task = kit.task(arms=4)
    configs = [{**task.production, "a_long": a} for a in (0.7, 2.8, 1.5)]
    arms = [Arm(f"r1p{i}", Config(c)) for i, c in enumerate(configs, 1)]
    truths = [{"returns": 0.0}, {"returns": 0.0}, {"returns": -0.06}]
    history = [kit.round_of(task, 1, arms, truths, {"watch": 0.01, "returns": 0.002})]
    assert failure_regions(kit.context(task, history)) == []


# --- across tasks ---


def mechanic(effect, error=0.0005, cause="slate p_like", metric="watch"):
    half = Z90 * error
    return Mechanic(metric, cause, "+1%", effect, effect - half, effect + half, ("e",), "A mechanic.")


def known_by(name, *mechanics, status="active", **more):
    records = tuple(
        KnowledgeRecord(f"{name}{i}", "s", Scope(), status, m, (), (), "t") for i, m in enumerate(mechanics)
    )
    slots = dict.fromkeys(
        ("context", "requirement", "north_star", "initial_config", "domain_knowledge", "tools"), "x"
    )
    return Skill(name, "d", knowledge=records, **slots, **more)


def test_mechanics_of_several_tasks_are_pooled_with_their_heterogeneity():
    """Against DerSimonian and Laird's formulas, written out."""
    effects, errors = np.array([0.001, 0.002, 0.006]), np.array([0.0005, 0.001, 0.0004])
    found = [Finding(f"t{i}", mechanic(e, s)) for i, (e, s) in enumerate(zip(effects, errors, strict=True))]
    w = errors**-2.0
    q = (w * (effects - (w * effects).sum() / w.sum()) ** 2).sum()
    tau2 = (q - 2) / (w.sum() - (w**2).sum() / w.sum())
    v = 1 / (errors**2 + tau2)
    (one,) = shared(found)
    assert one.spread**2 == pytest.approx(tau2)
    assert one.effect == pytest.approx((v * effects).sum() / v.sum())
    assert one.high - one.effect == pytest.approx(Z90 / v.sum() ** 0.5)
    assert "over 3 tasks (t0 +0.10 %, t1 +0.20 %, t2 +0.60 %); all point one way" in str(one)


def test_tasks_that_agree_have_no_heterogeneity():
    (one,) = shared([Finding("a", mechanic(0.001)), Finding("b", mechanic(0.001))])
    assert one.spread == 0.0
    assert one.effect == pytest.approx(0.001)


def test_one_task_shares_nothing_and_signs_are_told():
    assert shared([Finding("a", mechanic(0.001)), Finding("a", mechanic(0.002))]) == ()
    (one,) = shared([Finding("a", mechanic(0.001)), Finding("b", mechanic(-0.002))])
    assert "they point different ways" in str(one)


def test_what_is_retired_or_not_trusted_is_no_finding(kit):
    own = known_by("own", mechanic(0.001))
    context = kit.context(
        kit.task(),
        skill=own,
        borrowed=(
            known_by("gone", mechanic(0.002), status="retired"),
            known_by("foreign", mechanic(0.003), trusted=False),
            known_by("kin", mechanic(0.004)),
        ),
    )
    assert [f.task for f in findings(context, [mechanic(0.005)])] == ["this task", "own", "kin"]


def test_what_tasks_share_is_told_to_the_model(learnt, models):
    llm = models.scripted(notes(note("Tasks agree.", "F1")))
    learnt(llm, skill=known_by("own", mechanic(0.001)), borrowed=(known_by("kin", mechanic(0.002)),))
    assert "## facts shared by tasks" in llm.told
    assert "heterogeneity" in llm.told
    assert "kin: slate p_like +1%: watch +0.20 % [+0.12 %, +0.28 %] (active)" in llm.told
