"""A decoded record equals the one that was encoded, for every kind of record a journal holds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.hooks import api as r
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.workflow.journaled import Look, RunHeader

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(
    Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind)), max_size=3)
)
st.register_type_strategy(str, st.text(max_size=8))

SMALL = [r.Config, r.Proposal, r.Review, r.Exposure, r.Mechanic, r.KnowledgeRecord, r.Bound, r.ArmMoments]
LARGE = [r.ExperimentSpec, r.RoundResult, r.Insight, r.SkillRevision, r.Recommendation, r.Verdict]


@pytest.mark.parametrize("kind", [*SMALL, *LARGE, RunHeader, Look], ids=lambda k: k.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_round_trip(kind, data):
    record = data.draw(st.from_type(kind))
    text = encode(kind, record)
    assert decode(kind, text) == record
    assert encode(kind, decode(kind, text)) == text


@settings(max_examples=20)
@given(st.lists(st.from_type(r.Action), max_size=4))
def test_actions_keep_their_kind(actions):
    kind = tuple[r.Action, ...]
    assert decode(kind, encode(kind, tuple(actions))) == tuple(actions)
