"""A session around the real Gemini library, over HTTP: what is paid, what is tried again, what is refused."""

import json
import subprocess
import sys
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import LLMAnswer, ModelSettings, NoAnswerError, Spending
from rectune_dsl.llm.caps import BudgetSpentError, Caps, worst
from rectune_dsl.llm.prices import Price, Prices
from rectune_dsl.llm.question import question_key
from rectune_dsl.llm.retries import Retries
from rectune_dsl.llm.session import Session
from rectune_dsl.testing.llm_contract import PROMPT, SCHEMA
from rectune_dsl.testing.llm_server import FAULTS, LLMServer, sample


def spent(ledger):
    return [(call.outcome, call.input_tokens > 0) for call in ledger.calls]


def test_a_call_is_recorded_with_all_that_it_took(session, ledger):
    with LLMServer() as server:
        answer = session(server).complete(PROMPT, SCHEMA)
    (call,) = ledger.calls
    assert (call.step, call.role, call.provider) == ("round-1/propose", "actor", "gemini")
    assert (call.model, call.outcome, call.text) == ("gemini-3.8-flash-001", "answered", answer.text)
    tokens = (call.input_tokens, call.output_tokens)
    assert tokens == (answer.input_tokens, answer.output_tokens)
    assert call.usd == pytest.approx((tokens[0] * 0.75 + tokens[1] * 3.75) / 1e6)


def test_the_model_that_answers_names_the_price(session, ledger):
    with LLMServer(version="-lite") as server:
        settings = ModelSettings(model="gemini-3.5-flash", endpoint=server.url)
        session(server, settings).complete(PROMPT, SCHEMA)
    (call,) = ledger.calls
    assert call.usd == pytest.approx((call.input_tokens * 0.30 + call.output_tokens * 2.50) / 1e6)


def test_a_paid_answer_is_not_paid_twice(session, ledger):
    with LLMServer() as server:
        first = session(server).complete(PROMPT, SCHEMA)
        again = session(server).at("round-2/propose", "critic").complete(list(PROMPT), dict(SCHEMA))
    assert first == again
    assert len(server.requests) == len(ledger.calls) == 1


def test_it_is_recalled_after_a_move_and_with_no_budget_left(session):
    with LLMServer() as server:
        first = session(server).complete(PROMPT, SCHEMA)
    elsewhere = ModelSettings(endpoint="http://127.0.0.1:9", timeout=1.0, api_version="v9")
    assert session(None, elsewhere, caps=Caps(max_calls=0)).complete(PROMPT, SCHEMA) == first


@pytest.mark.parametrize(
    ("provider", "model", "settings", "prompt", "schema"),
    [
        ("openai", "m", ModelSettings(), PROMPT, SCHEMA),
        ("gemini", "n", ModelSettings(), PROMPT, SCHEMA),
        ("gemini", "m", ModelSettings(thinking="low"), PROMPT, SCHEMA),
        ("gemini", "m", ModelSettings(max_output_tokens=9), PROMPT, SCHEMA),
        ("gemini", "m", ModelSettings(options={"seed": "1"}), PROMPT, SCHEMA),
        ("gemini", "m", ModelSettings(), PROMPT[:2], SCHEMA),
        ("gemini", "m", ModelSettings(), ("".join(PROMPT),), SCHEMA),
        ("gemini", "m", ModelSettings(), PROMPT, {}),
    ],
)
def test_another_question_is_another_question(provider, model, settings, prompt, schema):
    base = question_key("gemini", "m", ModelSettings(), PROMPT, SCHEMA)
    assert question_key(provider, model, settings, prompt, schema) != base
    assert question_key("gemini", "m", ModelSettings(timeout=1.0), PROMPT, SCHEMA) == base


def test_what_may_pass_is_tried_again(session, ledger, hands):
    faults = ["busy", "dropped", "malformed"]
    with LLMServer(faults=faults) as server:
        answer = session(server).complete(PROMPT, SCHEMA)
    assert json.loads(answer.text) == sample(SCHEMA)
    assert [call.outcome for call in ledger.calls] == ["unavailable"] * 3 + ["answered"]
    assert len(hands.waits) == 3


def test_attempts_have_an_end_that_is_told(session, ledger, hands):
    with LLMServer(faults=lambda number: "broken") as server, pytest.raises(NoAnswerError) as failed:
        session(server, retries=Retries(attempts=3)).complete(PROMPT, SCHEMA)
    assert len(server.requests) == len(ledger.calls) == 3
    assert str(failed.value).startswith("actor of round-1/propose: Gemini answered 500")
    assert str(failed.value).endswith("(tried 3 times)")


@pytest.mark.parametrize("fault", ["unauthorized", "unknown model", "blocked", "unsafe", "truncated"])
def test_what_would_fail_again_is_not_tried_again(session, ledger, hands, fault):
    with LLMServer(faults=[fault]) as server, pytest.raises(NoAnswerError):
        session(server).complete(PROMPT, SCHEMA)
    assert len(server.requests) == len(ledger.calls) == 1
    assert hands.waits == []


def test_what_cost_something_without_an_answer_is_counted(session, ledger):
    with LLMServer(faults=["truncated"]) as server, pytest.raises(NoAnswerError):
        session(server).complete(PROMPT, SCHEMA)
    assert ledger.calls[0].output_tokens > 0
    assert ledger.calls[0].usd > 0
    assert ledger.recall(ledger.calls[0].key) is None


def test_a_server_that_drips_is_left(session, monkeypatch):
    monkeypatch.setattr("rectune_dsl.llm.deadline._GRACE", 0.5)
    began = time.monotonic()
    with LLMServer(faults=["dripping"], slowness=20.0) as server:
        settings = ModelSettings(endpoint=server.url, timeout=0.3)
        impatient = session(server, settings, retries=Retries(attempts=1))
        with pytest.raises(NoAnswerError) as failed:
            impatient.complete(PROMPT, SCHEMA)
    assert "no whole answer within 0.3 seconds" in str(failed.value)
    assert failed.value.outcome == "unavailable"
    assert time.monotonic() - began < 10


def test_a_call_that_was_left_keeps_no_process_alive():
    lines = (
        "import time",
        "from rectune_dsl.hooks.api import NoAnswerError",
        "from rectune_dsl.llm import deadline",
        "deadline._GRACE = 0.1",
        "try:",
        "    deadline.within(0.1, lambda: time.sleep(60))",
        "except NoAnswerError as error:",
        "    print(error)",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    left = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert left.stdout == "no whole answer within 0.1 seconds\n"


def test_retry_after_is_kept_to(session, hands):
    with LLMServer(faults=["busy"], retry_after="40") as server:
        session(server).complete(PROMPT, SCHEMA)
    assert hands.waits == [40.0]


def test_nobody_waits_for_hours(session, hands):
    with LLMServer(faults=["busy"], retry_after="7200") as server, pytest.raises(NoAnswerError):
        session(server).complete(PROMPT, SCHEMA)
    assert hands.waits == []


@given(
    st.integers(1, 30),
    st.floats(0, 1000),
    st.none() | st.floats(0, 500),
    st.text(max_size=5),
)
def test_a_wait_is_bounded_repeatable_and_never_too_early(attempt, elapsed, retry_after, key):
    retries = Retries(attempts=10, first=1.0, longest=60.0, total=300.0)
    error = NoAnswerError("busy", "unavailable", retry_after=retry_after)
    wait = retries.wait(error, attempt, elapsed, key)
    assert wait == retries.wait(error, attempt, elapsed, key)
    if wait is None:
        assert attempt >= 10 or elapsed + max(60.0, retry_after or 0.0) > 300
    else:
        assert wait >= (retry_after or 0.0)
        assert wait <= max(min(60.0, 2.0 ** (attempt - 1)), retry_after or 0.0)
        assert elapsed + wait <= 300


def test_two_who_failed_together_do_not_come_back_together():
    error, retries = NoAnswerError("busy", "unavailable"), Retries()
    waits = {retries.wait(error, 3, 0.0, f"question {number}") for number in range(20)}
    assert len(waits) == 20


@pytest.mark.parametrize(
    ("caps", "calls", "cap"),
    [
        (Caps(max_calls=2), 2, "2 calls"),
        (Caps(max_tokens=1_700), 1, "tokens"),
        (Caps(max_usd=0.0043), 1, "USD"),
    ],
)
def test_a_cap_stops_the_call_that_might_pass_it(session, ledger, caps, calls, cap):
    with LLMServer() as server:
        settings = ModelSettings(endpoint=server.url, max_output_tokens=1_000)
        asked = session(server, settings, caps=caps)
        for number in range(calls):
            asked.complete(["Be brief.", f"Question {number}", "x" * 1600], SCHEMA)
        with pytest.raises(BudgetSpentError, match=cap) as stopped:
            asked.complete(["Be brief.", "Another question", "x" * 1600], SCHEMA)
    assert isinstance(stopped.value, NoAnswerError)
    assert stopped.value.outcome == "refused"
    assert stopped.value.help
    assert len(server.requests) == len(ledger.calls) == calls


@given(
    tokens=st.integers(0, 10**6),
    usd=st.floats(0, 100),
    calls=st.integers(0, 50),
    prompt=st.lists(st.text(max_size=50), max_size=3),
    most=st.integers(1, 10**5),
    cap=st.integers(0, 10**6),
)
def test_whatever_is_answered_no_cap_is_passed(tokens, usd, calls, prompt, most, cap):
    price = Price(model="m", input=3.0, output=15.0, since="2026-01-01", source="s")
    call = worst(prompt, SCHEMA, most)
    caps = Caps(max_usd=cap / 1e4, max_calls=cap // 1000, max_tokens=cap)
    try:
        caps.check(Spending(calls, tokens, usd), call, price, "m")
    except BudgetSpentError:
        return
    assert calls + 1 <= cap // 1000
    assert tokens + call.input_tokens + most <= cap
    assert usd + price.usd(call.input_tokens, most) <= cap / 1e4


def test_money_cannot_be_capped_where_no_price_is_known(session):
    with LLMServer() as server:
        asked = session(server, prices=Prices(), caps=Caps(max_usd=5.0))
        with pytest.raises(BudgetSpentError, match="no price is known") as stopped:
            asked.complete(PROMPT, SCHEMA)
        assert "max_tokens" in stopped.value.help
        assert server.requests == []


def test_a_call_without_a_price_is_counted_as_one(session, ledger):
    with LLMServer() as server:
        session(server, prices=Prices()).complete(PROMPT, SCHEMA)
    assert ledger.calls[0].usd is None
    assert ledger.spent().unpriced == 1


def test_tokens_that_nobody_counts_are_estimated(session, ledger):
    with LLMServer(faults=["no usage"]) as server:
        answer = session(server).complete(PROMPT, SCHEMA)
    call = ledger.calls[0]
    assert call.input_tokens == worst(PROMPT, SCHEMA, 0).input_tokens
    assert call.output_tokens == -(-len(answer.text) // 4)
    assert call.usd > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_key_is_never_written(session, ledger, key, fault):
    """Whatever goes wrong, and though the model itself repeats the key."""

    def leak(prompt, schema):
        return json.dumps({"w_like": 1.0, "why": f"because {key}, Bearer {key}", "arms": []})

    prompt = (*PROMPT, f"Do not tell: {key}")
    told = []
    with LLMServer(answer=leak, faults=[fault], slowness=1.0) as server:
        settings = ModelSettings(endpoint=server.url, timeout=0.5)
        try:
            told.append(session(server, settings, retries=Retries(attempts=1)).complete(prompt, SCHEMA))
        except NoAnswerError as error:
            told += [*traceback.format_exception(error), error.help, error.__cause__, error.__context__]
    assert key not in repr(told) + repr(ledger.calls)
    assert len(server.requests) == 1


def test_what_is_recalled_is_what_was_answered(session, key):
    with LLMServer(answer=lambda prompt, schema: f'{{"why": "{key}"}}') as server:
        first = session(server).complete(PROMPT, SCHEMA)
        assert first.text == '{"why": "[redacted]"}'
        assert session(server).complete(PROMPT, SCHEMA) == first


def test_a_provider_that_answers_something_else_is_refused(ledger, hands):
    class Odd:
        def complete(self, prompt, schema):
            return "just text"

    odd = Session(Odd(), "odd", ModelSettings(model="m"), ledger, clock=hands.clock())
    with pytest.raises(NoAnswerError, match="returned str, not an LLMAnswer") as failed:
        odd.complete(PROMPT, SCHEMA)
    assert failed.value.outcome == "refused"


def test_a_provider_of_another_kind_needs_no_model_of_its_own(ledger, hands):
    class Plain:
        def complete(self, prompt, schema):
            return LLMAnswer("{}", "", 3, 1)

    plain = Session(Plain(), "plain", ModelSettings(model="m"), ledger, clock=hands.clock())
    assert plain.complete(PROMPT, SCHEMA).text == "{}"
    assert ledger.calls[0].model == "m"
