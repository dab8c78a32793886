"""Who may change what in a skill's knowledge."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Response, Scope, Scored, SkillRevision
from rectune_dsl.hooks.errors import PluginError
from rectune_dsl.skillhub.edits import edited
from rectune_dsl.skillhub.knowledge import NEWEST, Knowledge
from rectune_dsl.skillhub.tidy import KEYS, RECORDS, STATEMENT, TOMBSTONES


def edit(known, *records, run="a", day="2026-03-02", judged=False, **edits):
    revision = SkillRevision("fusion", tuple(records), "because", **edits)
    return edited(known, revision, run=run, day=day, judged=judged)


def held(edited_):
    return {record.id: record for record in edited_.knowledge.records}


# --- statuses ---


def test_no_agent_makes_its_own_record_active(record):
    known = edit(Knowledge(), record(status="active", supports=("a/1",)))
    assert held(known)["w_like"].status == "candidate"
    again = edit(known.knowledge, record(status="active", supports=("a/1", "b/1")))
    assert held(again)["w_like"].status == "candidate"


def test_what_was_judged_keeps_its_status_until_it_is_judged_again(record):
    gate = record(status="active", supports=("a/1",), why="it won")
    known = edit(Knowledge(), gate, judged=True)
    later = edit(known.knowledge, record(status="candidate", supports=("b/1",), why="I think not"))
    assert (held(later)["w_like"].status, held(later)["w_like"].why) == ("active", "it won")
    lost = edit(later.knowledge, record(status="retired", supports=("c/1",), why="it lost"), judged=True)
    assert (held(lost)["w_like"].status, held(lost)["w_like"].why) == ("retired", "it lost")


def test_only_evidence_retires_or_merges_what_is_active(record):
    known = edit(Knowledge(), record(status="active"), record("b"), judged=True).knowledge
    told = edit(known, retired={"w_like": "I dislike it"}, merged={"w_like": "b"})
    assert held(told)["w_like"].status == "active"
    assert len(told.refused) == 2
    judged = edit(known, retired={"w_like": "it lost"}, judged=True)
    assert (held(judged)["w_like"].status, held(judged)["w_like"].why) == ("retired", "it lost")


def test_an_effect_that_changes_its_sign_has_to_prove_itself_anew(record, mechanic, score):
    known = edit(
        Knowledge(),
        record(mechanic=mechanic, status="active", supports=("a/1",), scored=(score("a/1", gained=1.0),)),
        judged=True,
    ).knowledge
    down = dataclasses.replace(mechanic, effect=-0.01, low=-0.02, high=-0.001, evidence=("b/1",))
    told = edit(known, record(mechanic=down, supports=("b/1",), scored=(score("a/1", gained=1.0),)))
    (after,) = told.knowledge.records
    assert (after.status, after.why) == ("candidate", "its effect has changed its sign")
    assert (after.scored, after.helpful) == ((), 0)  # what was bet on the opposite speaks for nothing here
    assert (after.supports, after.contradicts) == (("b/1",), ("a/1",))


# --- what comes back ---


@pytest.mark.parametrize("id", ["w_like", "another-id"])
def test_what_was_retired_comes_back_only_with_new_experiments(record, mechanic, id):
    known = edit(Knowledge(), record(mechanic=mechanic, supports=("run/round-1",))).knowledge
    known = edit(known, retired={"w_like": "it lost"}, judged=True).knowledge
    again = edit(known, record(id, mechanic=mechanic, supports=("run/round-1",)))
    assert again.knowledge == known
    assert again.refused == (f"{id}: w_like is retired (it lost), and nothing new is known",)
    revived = edit(known, record(id, mechanic=mechanic, supports=("b/1",)))
    assert held(revived)[id].status == "candidate"
    assert revived.refused == ()


def test_the_opposite_of_what_was_retired_is_another_claim(record, mechanic):
    known = edit(Knowledge(), record(mechanic=mechanic, supports=("run/round-1",))).knowledge
    known = edit(known, retired={"w_like": "it lost"}, judged=True).knowledge
    down = dataclasses.replace(mechanic, effect=-0.01)
    told = edit(known, record(mechanic=down, supports=("run/round-1",)))
    assert held(told)["w_like"].status == "candidate"


def test_who_knows_only_a_part_of_the_experiments_changes_nothing_that_is_said(record, score):
    known = edit(Knowledge(), record(statement="Later.", supports=("a/1", "a/2"))).knowledge
    told = edit(known, record(statement="Earlier.", supports=("a/1",), scored=(score("a/1", 0.5),)))
    assert held(told)["w_like"].statement == "Later."
    assert held(told)["w_like"].helpful == 1  # but what it has scored counts


# --- duplicates ---


def test_two_records_of_one_effect_become_one_and_the_better_known_keeps_its_id(record, mechanic, score):
    small = record("small", mechanic=mechanic, supports=("a/1",), scored=(score("a/1", 0.5),))
    large = record("large", mechanic=mechanic, supports=("b/1", "b/2", "b/3"), contradicts=("b/4",))
    told = held(edit(Knowledge(), small, large))
    assert (told["small"].status, told["small"].why) == ("retired", "merged into large")
    assert told["large"].supports == ("a/1", "b/1", "b/2", "b/3")
    assert (told["large"].contradicts, told["large"].helpful) == (("b/4",), 1)


def test_another_scope_is_another_effect(record, mechanic):
    here = record("here", mechanic=mechanic, scope=Scope(product="home"))
    there = record("there", mechanic=mechanic, scope=Scope(product="search"))
    assert {r.status for r in held(edit(Knowledge(), here, there)).values()} == {"candidate"}


def test_a_record_that_was_merged_by_name_gives_its_evidence_and_an_end_is_told(record):
    known = edit(Knowledge(), record("a", supports=("a/1",)), record("b", supports=("b/1",))).knowledge
    told = edit(known, merged={"a": "b", "c": "b"})
    assert held(told)["b"].supports == ("a/1", "b/1")
    assert held(told)["a"].why == "merged into b"
    assert told.refused == ("c: cannot be merged into b: two records that live are needed",)
    again = edit(told.knowledge, merged={"a": "b"})
    assert (again.knowledge, again.refused) == (told.knowledge, ())


# --- provenance ---


def test_who_and_when_are_always_there(record):
    known = edit(Knowledge(), record(author=""), record("b"), run="run-1", day="2026-03-02").knowledge
    first, second = known.records
    assert (first.author, second.author) == ("run run-1", "numeric, run run-1")
    assert (first.created, first.changed) == ("2026-03-02", "2026-03-02")
    told = held(edit(known, record("b", supports=("x/1",)), run="run-2", day="2026-04-01"))
    assert told["b"] == dataclasses.replace(second, supports=("x/1",), changed="2026-04-01")
    said = held(edit(known, record("b", statement="Other."), run="run-2", day="2026-04-01"))
    assert (said["b"].author, said["b"].created) == ("numeric, run run-2", "2026-03-02")


# --- bounds ---


def test_texts_and_lists_are_cut_and_numbers_rounded(record, mechanic):
    wordy = record(
        statement="word " * 1000,
        mechanic=dataclasses.replace(mechanic, effect=1 / 3, low=0.0, high=1.0),
        supports=tuple(f"a/{n:04d}" for n in range(2 * KEYS)),
        why="x" * 10_000,
    )
    (kept,) = edit(Knowledge(), wordy).knowledge.records
    assert len(kept.statement) <= STATEMENT
    assert kept.statement.endswith("word …")
    assert kept.mechanic.effect == 0.333333
    assert kept.supports == wordy.supports[-KEYS:]
    assert len(kept.why) < 1000


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"id": "a\u202eb"}, "invisible"),
        ({"id": "a" * 200}, "of 200 characters"),
        ({"supports": ("x" * 200,)}, "of 200 characters"),
        ({"scope": Scope(product="p" * 200)}, "of 200 characters"),
        ({"responses": (Response("m", (), (), (), 0.1),) * 17}, "too many responses"),
    ],
)
def test_what_cannot_be_cut_is_refused(hub, apply, record, spoil, message):
    with pytest.raises(PluginError, match=message):
        apply(hub, dataclasses.replace(record(), **spoil))


def test_a_skill_holds_a_limited_number_of_records_and_the_best_known_stay(record):
    known = edit(Knowledge(), record("proven", status="active"), judged=True).knowledge
    many = [
        record(f"id-{n:03d}", supports=tuple(f"a/{i}" for i in range(n % 7))) for n in range(RECORDS + 20)
    ]
    told = edit(known, *many).knowledge
    living = [r for r in told.records if r.status != "retired"]
    assert len(living) == RECORDS
    assert "proven" in {r.id for r in living}
    gone = [r for r in told.records if r.status == "retired"]
    assert max(len(r.supports) for r in gone) <= min(len(r.supports) for r in living if r.id != "proven")
    assert "no room" in gone[0].why


def test_the_newest_retired_records_are_remembered(record):
    known = Knowledge()
    for month in range(1, 5):
        batch = [record(f"m{month}-{n}") for n in range(100)]
        known = edit(known, *batch, day=f"2026-0{month}-01").knowledge
        reasons = {one.id: "enough" for one in batch}
        known = edit(known, retired=reasons, day=f"2026-0{month}-02", judged=True).knowledge
    assert len(known.records) == TOMBSTONES
    assert {r.id.split("-")[0] for r in known.records} == {"m3", "m4"}


def test_a_prediction_that_went_into_the_sums_is_not_counted_again(record, score):
    scores = [score(f"a/{n}", gained=0.25, lost=0.125) for n in range(3 * NEWEST)]
    known = Knowledge()
    for n in range(len(scores)):
        # a run that never learns that its older scores were folded hands all of them in, again and again
        known = edit(known, record(scored=tuple(scores[: n + 1]))).knowledge
    (kept,) = known.records
    assert kept.scored == tuple(scores[-NEWEST:])
    assert (kept.gained, kept.lost) == (2 * NEWEST * 0.25, 2 * NEWEST * 0.125)
    assert (kept.helpful, kept.harmful) == (3 * NEWEST, 0)


# --- everything at once ---

NUMBERS = st.floats(-0.1, 0.1).map(lambda number: float(f"{number:.3g}"))
IDS = st.sampled_from(["a", "b", "c"])
EVIDENCE = st.lists(st.sampled_from([f"e/{n}" for n in range(5)]), unique=True, max_size=3).map(tuple)
MECHANICS = st.builds(
    Mechanic,
    metric=st.sampled_from(["likes", "clicks"]),
    cause=st.just("w"),
    unit=st.just("+10 %"),
    effect=NUMBERS,
    low=NUMBERS,
    high=NUMBERS,
    evidence=EVIDENCE,
    statement=st.just(""),
)
SCORES = st.builds(
    Scored,
    experiment=st.sampled_from([f"e/{n}" for n in range(5)]),
    arm=st.just("x"),
    metric=st.sampled_from(["likes", "clicks"]),
    expected=NUMBERS,
    otherwise=NUMBERS,
    measured=NUMBERS,
    error=NUMBERS,
    gained=NUMBERS,
    lost=NUMBERS,
)
RECORDS_ = st.builds(
    KnowledgeRecord,
    id=IDS,
    statement=st.sampled_from(["Up.", "Down."]),
    scope=st.builds(Scope, st.just(""), st.sampled_from(["", "home"])),
    status=st.sampled_from(["candidate", "active", "retired"]),
    mechanic=st.none() | MECHANICS,
    supports=EVIDENCE,
    contradicts=EVIDENCE,
    author=st.just("numeric"),
    scored=st.lists(SCORES, max_size=3).map(tuple),
)
REVISIONS = st.builds(
    SkillRevision,
    st.just("fusion"),
    st.lists(RECORDS_, unique_by=lambda r: r.id, max_size=3).map(tuple),
    st.just("because"),
    merged=st.dictionaries(IDS, IDS, max_size=1),
    retired=st.dictionaries(IDS, st.just("enough"), max_size=1),
)


@settings(max_examples=100)
@given(st.lists(st.tuples(REVISIONS, st.booleans()), max_size=6))
def test_whatever_agents_hand_in(revisions):
    known = Knowledge()
    for at, (revision, judged) in enumerate(revisions):
        before = {record.id: record for record in known.records}
        known = edited(known, revision, run=f"r{at}", day="2026-03-02", judged=judged).knowledge
        after = {record.id: record for record in known.records}
        assert set(before) <= set(after)  # nothing is forgotten
        newly = {id for id, r in after.items() if r.status == "active"} - {
            id for id, r in before.items() if r.status == "active"
        }
        assert judged or not newly
        subjects = [
            (r.mechanic.metric, r.mechanic.cause, r.scope)
            for r in after.values()
            if r.mechanic and r.status != "retired"
        ]
        assert len(subjects) == len(set(subjects))
        for record in after.values():
            assert record.author
            assert record.created
            assert record.changed
            assert len({(s.experiment, s.arm, s.metric) for s in record.scored}) == len(record.scored)
            assert record.helpful + record.harmful <= 5  # there are five experiments
