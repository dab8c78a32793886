"""What was paid for is written at once, counted for its run, and recalled by any."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.hooks.models import LLMAnswer, ModelCall, Outcome, Spending
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.ledger import NO_CALLS, RunLedger

CALL = ModelCall(
    key="k1",
    step="round-1/propose",
    role="actor",
    provider="planted",
    model="planted-1",
    outcome="answered",
    input_tokens=1200,
    output_tokens=300,
    usd=0.25,
    seconds=1.5,
    text='{"proposals": []}',
)


@pytest.fixture
def ledgers(store_url):
    """`ledgers(run)`: each with a connection of its own, as another process would have."""
    journal = Journal(store_url)
    for run in ("a-1", "b-1"):
        journal.create(run, "task", "simulator/feed")
    return lambda run: RunLedger(Journal(store_url).store, run)


def test_lines_come_back_as_they_were_written_in_their_order(ledgers):
    calls = [CALL, replace(CALL, key="k2", usd=None, outcome="truncated"), replace(CALL, text="ü\n\t'\"")]
    for call in calls:
        ledgers("a-1").record(call)
    ledgers("b-1").record(replace(CALL, step="round-9/propose"))
    assert ledgers("a-1").calls() == tuple(calls)


def test_an_answer_is_recalled_by_any_run_and_the_first_one_stands(ledgers):
    assert ledgers("b-1").recall("k1") is None
    ledgers("a-1").record(CALL)
    ledgers("a-1").record(replace(CALL, text="another"))
    assert ledgers("b-1").recall("k1") == LLMAnswer('{"proposals": []}', "planted-1", 1200, 300)


@pytest.mark.parametrize("outcome", ["truncated", "blocked", "unavailable", "refused", *NO_CALLS])
def test_what_is_no_whole_answer_of_its_own_is_not_recalled(ledgers, outcome):
    ledgers("a-1").record(replace(CALL, outcome=outcome))
    assert ledgers("a-1").recall("k1") is None


def test_a_run_counts_what_it_paid_for_and_no_more(ledgers):
    assert ledgers("a-1").spent() == Spending()
    for call in (
        CALL,
        replace(CALL, outcome="truncated", usd=0.5, output_tokens=800),
        *(replace(CALL, outcome=outcome, usd=0.0) for outcome in NO_CALLS),
        replace(CALL, outcome="unavailable", usd=None, input_tokens=0, output_tokens=0),
        replace(CALL, usd=None),
    ):
        ledgers("a-1").record(call)
    ledgers("b-1").record(CALL)
    assert ledgers("a-1").spent() == Spending(calls=4, tokens=1500 + 2000 + 1500, usd=0.75, unpriced=1)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\N{PILE OF POO}", ""])
def test_whatever_a_model_says_can_be_written(ledgers, text):
    ledgers("a-1").record(replace(CALL, text=text))
    answer = ledgers("a-1").recall("k1")
    assert len(answer.text) == len(text)


usd = st.one_of(st.none(), st.floats(0, 100))
tokens = st.integers(0, 10**6)
lines = st.builds(
    replace,
    st.just(CALL),
    outcome=st.sampled_from(get_args(Outcome)),
    usd=usd,
    input_tokens=tokens,
    output_tokens=tokens,
)


@pytest.fixture(scope="module")
def another_ledger(tmp_path_factory):
    """Of a new run in one store."""
    journal = Journal(str(tmp_path_factory.mktemp("ledger") / "journal.sqlite"))
    numbers = count()

    def new():
        run = f"run-{next(numbers)}"
        journal.create(run, "task", "simulator/feed")
        return RunLedger(journal.store, run)

    return new


@settings(max_examples=50)
@given(st.lists(lines, max_size=6))
def test_spending_is_the_sum_over_lines(another_ledger, calls):
    ledger = another_ledger()
    for call in calls:
        ledger.record(call)
    paid = [call for call in calls if call.outcome not in ("recalled", "unusable", "capped")]
    spent = ledger.spent()
    assert spent.calls == len(paid)
    assert spent.tokens == sum(call.input_tokens + call.output_tokens for call in paid)
    assert spent.usd == pytest.approx(sum(call.usd or 0.0 for call in paid))
    with_tokens = [call for call in paid if call.input_tokens + call.output_tokens]
    assert spent.unpriced == sum(call.usd is None for call in with_tokens)


KILLED = """
import os, signal, sys
from rectune_dsl.hooks.models import ModelCall
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.ledger import RunLedger
call = ModelCall("k1", "round-1/propose", "actor", "planted", "m", "answered", 10, 5, 0.1, 0.2, "paid")
RunLedger(Journal(sys.argv[1]).store, "a-1").record(call)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_paid_for_outlives_the_process(ledgers, store_url):
    done = subprocess.run([sys.executable, "-c", KILLED, store_url], env=os.environ.copy())
    assert done.returncode == -signal.SIGKILL
    assert ledgers("a-1").recall("k1").text == "paid"
