import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Response, Scope, Scored, TightBounds
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.gate import alarm, wealth
from rectune_dsl.skillhub.knowledge import (
    NEWEST,
    Knowledge,
    folded,
    knowledge_from_toml,
    knowledge_to_toml,
    merge,
    prediction_of,
    values_from_toml,
)

TEXT = st.text(max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.lists(st.sampled_from(["a/1", "a/2", "b/1", "b/2", "c/1"]), unique=True, max_size=4).map(tuple)
MECHANICS = st.builds(
    Mechanic,
    metric=TEXT,
    cause=TEXT,
    unit=TEXT,
    effect=NUMBER,
    low=NUMBER,
    high=NUMBER,
    evidence=KEYS,
    statement=TEXT,
)


@st.composite
def _responses(draw):
    causes = draw(st.lists(TEXT, max_size=3).map(tuple))
    row = st.tuples(*(NUMBER for _ in causes))
    covariance = draw(st.tuples(*(row for _ in causes)))
    return Response(draw(TEXT), causes, draw(row), covariance, draw(NUMBER))


SCORES = st.builds(
    Scored,
    experiment=st.sampled_from(["a/1", "a/2", "b/1"]),
    arm=st.sampled_from(["x", "y"]),
    metric=st.sampled_from(["likes", "clicks"]),
    expected=NUMBER,
    otherwise=NUMBER,
    measured=NUMBER,
    error=NUMBER,
    gained=st.floats(-3, 3),
    lost=st.floats(-3, 3),
)
SCORED = st.lists(SCORES, unique_by=prediction_of, max_size=5).map(tuple)
RECORDS = st.builds(
    KnowledgeRecord,
    id=st.text(min_size=1, max_size=3).filter(str.strip),
    statement=TEXT,
    scope=st.builds(Scope, TEXT, TEXT, TEXT),
    status=st.sampled_from(["candidate", "active", "retired"]),
    mechanic=st.none() | MECHANICS,
    supports=KEYS,
    contradicts=KEYS,
    author=TEXT,
    responses=st.lists(_responses(), max_size=2).map(tuple),
    bounds=st.none() | st.builds(TightBounds, TEXT, NUMBER, NUMBER, NUMBER),
    scored=SCORED,
    gained=NUMBER,
    lost=NUMBER,
    helpful=st.integers(0, 9),
    harmful=st.integers(0, 9),
    created=TEXT,
    changed=TEXT,
    why=TEXT,
)
MANY = st.lists(RECORDS, unique_by=lambda record: record.id, max_size=4).map(tuple)


@given(MANY)
def test_records_come_back_from_toml_as_they_were(records):
    assert knowledge_from_toml(knowledge_to_toml(Knowledge(records)), "knowledge.toml") == Knowledge(records)


@given(MANY, MANY)
def test_merging_twice_is_merging_once(known, new):
    once = merge(known, new)
    assert merge(once, new) == once


@given(MANY, MANY)
def test_every_experiment_of_a_replaced_record_stays_on_one_side_or_the_other(known, new):
    old = {record.id: record for record in known}
    fresh = {record.id: record for record in new}
    for record in merge(known, new):
        if record.id not in fresh:
            assert record == old[record.id]
            continue
        after = fresh[record.id]
        before = old.get(record.id, after)
        told = {*before.supports, *before.contradicts, *after.supports, *after.contradicts}
        assert {*record.supports, *record.contradicts} == told
        assert set(after.supports) <= set(record.supports)
        assert set(after.contradicts) <= set(record.contradicts)
        counted = ("supports", "contradicts", "scored", "gained", "lost", "helpful", "harmful")
        kept = dataclasses.replace(record, **{name: getattr(after, name) for name in counted})
        assert kept == after


def test_an_experiment_read_the_other_way_round_changes_sides(record):
    old = record(supports=("a/1", "a/2"))
    new = record(supports=("b/1",), contradicts=("a/2",))
    (merged,) = merge([old], [new])
    assert (merged.supports, merged.contradicts) == (("a/1", "b/1"), ("a/2",))


def test_when_an_effect_changes_its_sign_what_spoke_for_it_speaks_against_it(record, mechanic):
    old = record(mechanic=mechanic, supports=("a/1", "a/2"), contradicts=("a/3",))
    down = dataclasses.replace(mechanic, effect=-mechanic.effect)
    (merged,) = merge([old], [record(mechanic=down, supports=("b/1",))])
    assert (merged.supports, merged.contradicts) == (("a/3", "b/1"), ("a/1", "a/2"))


@given(st.lists(SCORED, max_size=4), st.randoms(use_true_random=False))
def test_scores_are_united_and_each_experiment_is_counted_once(record_parts, random):
    """Whatever order runs hand their scores in, and however often, each prediction stands there once."""
    bare = KnowledgeRecord("a", "", Scope(), "candidate", None, (), (), "")
    first = {prediction_of(score): score for scores in reversed(record_parts) for score in scores}
    parts = [dataclasses.replace(bare, scored=scores, helpful=99, gained=9.9) for scores in record_parts]
    known = ()
    for part in [*parts, *random.sample(parts, len(parts))]:
        known = merge(known, (part,))
    for record in known:
        assert {prediction_of(score): score for score in record.scored} == first
        assert len(record.scored) == len(first)
        assert (record.gained, record.lost) == (0.0, 0.0)
        assert record.helpful + record.harmful <= len({score.experiment for score in record.scored})


def test_an_experiment_helps_when_the_bets_for_the_record_gain_more_and_counts_once(record, score):
    told = record(
        scored=(
            score("a/1", gained=0.5, lost=0.2),
            score("a/2", gained=-0.3, lost=0.1),
            score("a/3", gained=0.1, lost=0.1),
        )
    )
    (merged,) = merge((), (told,))
    assert (merged.helpful, merged.harmful) == (1, 1)
    again = record(scored=(score("a/1", gained=0.4, lost=0.0, metric="clicks"),))
    assert merge((merged,), (again,)) == (merged,)


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), max_size=3 * NEWEST))
def test_folding_keeps_the_newest_scores_and_the_sum_of_all(gains):
    scored = tuple(
        Scored(f"a/{n}", "arm-1", "likes", 0.01, 0.0, 0.012, 0.004, *gain) for n, gain in enumerate(gains)
    )
    record = KnowledgeRecord("a", "", Scope(), "candidate", None, (), (), "", scored=scored)
    kept = folded(record)
    assert kept.scored == scored[-NEWEST:]
    assert wealth(kept) == pytest.approx(wealth(record), abs=1e-9)
    assert alarm(kept) == pytest.approx(alarm(record), abs=1e-9)
    assert folded(kept) == kept


def test_marks_come_back_from_toml(record):
    known = Knowledge((record(),), {"w_like": ("0123456789ab",)})
    assert knowledge_from_toml(knowledge_to_toml(known), "knowledge.toml") == known
    with pytest.raises(UsageError, match="`marks`: `a`"):
        knowledge_from_toml("[marks]\na = 3", "knowledge.toml")


MALFORMED = {
    "knowledge = [": "not TOML",
    "knowledge = 3": "`knowledge` is not a list",
    "knowledge = [3]": "record 1 is not a table",
    "records = []": "`records` is unknown",
    '[[knowledge]]\nid = "a"': r"record 1: `statement`: field required",
}
COMPLETE = """
[[knowledge]]
id = "a"
statement = "s"
scope = {}
status = "candidate"
supports = []
contradicts = []
author = ""
"""
MECHANIC = """
[knowledge.mechanic]
metric = "m"
cause = "c"
unit = "u"
effect = 0.1
low = 0.0
high = 0.2
evidence = []
statement = ""
"""
BOUNDS = """
[knowledge.bounds]
param = "w"
low = 0.0
high = 1.0
outside = inf
"""
RESPONSE = """
[[knowledge.responses]]
metric = "m"
causes = ["c"]
mean = [0.1]
covariance = [[0.1, 0.2]]
size = 0.1
"""
SPOILT = {
    COMPLETE.replace("status", "state"): "`state` is unknown",
    COMPLETE.replace('"candidate"', '"maybe"'): "record 1: `status`",
    COMPLETE.replace('"s"', "3"): "record 1: `statement`",
    COMPLETE.replace('"a"', '" "'): "empty id",
    COMPLETE + COMPLETE: "'a' stands there twice",
    COMPLETE + MECHANIC.replace("cause", "case"): "mechanic: the key `case` is unknown",
    COMPLETE + MECHANIC.replace("0.1", "inf"): "`effect` is inf",
    COMPLETE.replace("scope = {}", "scope = { page = 'x' }"): "scope: the key `page` is unknown",
    COMPLETE + "gained = nan": "`gained` is nan",
    COMPLETE + BOUNDS: "`outside` is inf",
    COMPLETE + BOUNDS.replace("outside", "inside"): "bounds: the key `inside` is unknown",
    COMPLETE + RESPONSE: "the response of 'm' has 1 causes",
    COMPLETE + MECHANIC.replace("0.1", "'x'"): "record 1: `mechanic.effect`",
}


@pytest.mark.parametrize(("text", "message"), [*MALFORMED.items(), *SPOILT.items()])
def test_a_malformed_knowledge_file_is_named_with_its_problem(text, message):
    with pytest.raises(UsageError, match=message) as caught:
        knowledge_from_toml(text, "knowledge.toml")
    assert str(caught.value).startswith("knowledge.toml")
    assert caught.value.help


def test_initial_values_are_finite_numbers():
    assert values_from_toml("[initial_values]\na = 1\n'ranking.keep' = 2.5", "initial.toml") == {
        "a": 1.0,
        "ranking.keep": 2.5,
    }
    assert values_from_toml("", "initial.toml") == {}
    for text, message in [
        ("[initial_values]\na = 'x'", "`initial_values`: `a`"),
        ("[initial_values]\na = nan", "`a` is nan"),
        ("[values]", "`values` is unknown"),
    ]:
        with pytest.raises(UsageError, match=message):
            values_from_toml(text, "initial.toml")
