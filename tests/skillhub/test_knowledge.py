import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Response, Scope, TightBounds
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.knowledge import merge, records_from_toml, records_to_toml, values_from_toml

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
RESPONSES = st.builds(
    Response,
    TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(NUMBER, max_size=2).map(tuple),
    st.lists(st.lists(NUMBER, max_size=2).map(tuple), max_size=2).map(tuple),
    NUMBER,
)
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
    responses=st.lists(RESPONSES, max_size=2).map(tuple),
    bounds=st.none() | st.builds(TightBounds, TEXT, NUMBER, NUMBER, NUMBER),
)
MANY = st.lists(RECORDS, unique_by=lambda record: record.id, max_size=4).map(tuple)


@given(MANY)
def test_records_come_back_from_toml_as_they_were(records):
    assert records_from_toml(records_to_toml(records), "knowledge.toml") == records


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
        kept = dataclasses.replace(record, supports=after.supports, contradicts=after.contradicts)
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
SPOILT = {
    COMPLETE.replace("status", "state"): "`state` is unknown",
    COMPLETE.replace('"candidate"', '"maybe"'): "record 1: `status`",
    COMPLETE.replace('"s"', "3"): "record 1: `statement`",
    COMPLETE.replace('"a"', '" "'): "empty id",
    COMPLETE + COMPLETE: "'a' stands there twice",
    COMPLETE + MECHANIC.replace("cause", "case"): "mechanic: the key `case` is unknown",
    COMPLETE + MECHANIC.replace("0.1", "inf"): "`effect` is inf",
    COMPLETE + MECHANIC.replace("0.1", "'x'"): "record 1: `mechanic.effect`",
}


@pytest.mark.parametrize(("text", "message"), [*MALFORMED.items(), *SPOILT.items()])
def test_a_malformed_knowledge_file_is_named_with_its_problem(text, message):
    with pytest.raises(UsageError, match=message) as caught:
        records_from_toml(text, "knowledge.toml")
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
