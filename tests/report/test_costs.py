"""A ledger summed up: every line counts once, and what a step's last line says decides what became of it."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.models import ModelCall, Outcome
from rectune_dsl.report.costs import costs, total

CALL = ModelCall("k", "round-1/propose", "actor", "planted", "m-1", "answered", 100, 10, 0.5, 1.0)
STEPS = ("round-1/propose", "round-1/review", "round-2/propose", "round-12/experiment/look-3", "recommend")
lines = st.builds(
    replace,
    st.just(CALL),
    step=st.sampled_from(STEPS),
    role=st.sampled_from(["actor", "critic"]),
    outcome=st.sampled_from(get_args(Outcome)),
    input_tokens=st.integers(0, 1000),
    usd=st.one_of(st.none(), st.floats(0, 10)),
)


@given(st.lists(lines, max_size=20))
def test_the_whole_counts_each_line_once(ledger):
    parts = costs(ledger)
    whole, free = total(parts), ("recalled", "unusable", "capped")
    paid = [line for line in ledger if line.outcome not in free]
    assert whole.calls == len(paid)
    assert whole.input_tokens == sum(line.input_tokens for line in paid)
    assert whole.output_tokens == sum(line.output_tokens for line in paid)
    assert whole.usd == pytest.approx(sum(line.usd or 0.0 for line in paid))
    assert whole.recalled == sum(line.outcome == "recalled" for line in ledger)
    assert set(whole.models) == {line.model for line in ledger if line.model}
    assert len({(part.round, part.role) for part in parts}) == len(parts)


@pytest.mark.parametrize(
    ("outcomes", "repaired", "fell_back"),
    [
        (["answered"], 0, 0),
        (["recalled"], 0, 0),
        (["unavailable", "unavailable", "answered"], 0, 0),
        (["answered", "unusable", "answered"], 1, 0),
        (["answered", "unusable", "answered", "unusable"], 0, 1),
        (["answered", "unusable", "capped"], 0, 1),
        (["unavailable", "unavailable"], 0, 1),
        (["blocked"], 0, 1),
        (["capped"], 0, 1),
        (["answered", "recalled"], 0, 0),  # killed in between
        (["answered", "unusable", "recalled", "unusable", "answered"], 1, 0),  # the same
    ],
)
def test_what_became_of_a_question(outcomes, repaired, fell_back):
    whole = total(costs(replace(CALL, outcome=outcome) for outcome in outcomes))
    assert (whole.repaired, whole.fell_back) == (repaired, fell_back)


def test_rounds_are_read_from_steps():
    found = costs(replace(CALL, step=step) for step in STEPS)
    assert [cost.round for cost in found] == [1, 2, 12, None]
