"""Agents ask models within caps; no answer is paid for twice; whatever a model does ends no campaign."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import JudgedLLM, ModelSettings, Spending, UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.ledger import RunLedger
from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.compile import compile_task
from rectune_dsl.workflow.models import StepModel, model_of_step
from rectune_dsl.workflow.prepare import begin, load
from rectune_dsl.workflow.providers import PATIENCE, RESTS, Providers

HERE = Path(__file__).parent
PLUGINS = (HERE / "planted.py", HERE / "planted_llm.py")
ASKING = """
[agents]
actor = "asking"
critic = "asking"
insight = "asking"
[llm]
provider = "planted"
"""
TASK = (HERE / "planted.toml").read_text() + ASKING
STEPS = [f"round-{number}/{step}" for number in (1, 2) for step in ("propose", "review", "learn")]
STEPS.append("recommend")


class Models:
    """`models(more)` runs a campaign, with more lines in `[llm]`: the ledger's lines of it."""

    def __init__(self, folder, monkeypatch):
        self.bill = folder / "bill.jsonl"
        self.monkeypatch = monkeypatch
        self.host = Host(PLUGINS)
        self.plant()

    def plant(self, **options):
        self.monkeypatch.setenv("PLANTED_LLM", json.dumps({"log": str(self.bill), **options}))

    def __call__(self, more="", *, text=TASK, seed=0):
        choices = Choices(seed)
        loaded = load(Source("task.toml", text + more), self.host, choices)
        journal = Journal("journal.sqlite")
        run = begin(loaded, choices, journal)
        self.ledger = RunLedger(journal.store, run)
        self.verdict = campaign(run, loaded, journal, self.host).run()
        return self.ledger.calls()

    def billed(self):
        """The questions that the provider was asked."""
        return self.bill.read_text().splitlines() if self.bill.exists() else []


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Models(tmp_path, monkeypatch)


def test_each_step_of_who_asks_is_given_the_model_and_each_call_is_written_down(models):
    lines = models()
    assert [line.step for line in lines] == STEPS
    assert {line.role for line in lines} == {"actor", "critic", "insight"}
    assert {(line.provider, line.model, line.outcome) for line in lines} == {
        ("planted", "planted-1", "answered")
    }
    assert len(models.billed()) == len(STEPS)
    assert models.ledger.spent() == Spending(len(STEPS), 110 * len(STEPS), 0.0, unpriced=len(STEPS))


def test_who_asks_none_is_given_none(models):
    loaded = load(Source("task.toml", TASK), models.host, Choices())
    providers = Providers(loaded.task, Path(), models.host)
    assert providers.asked == dict.fromkeys(("actor", "critic", "insight"), "planted")
    plain = load(Source("task.toml", (HERE / "planted.toml").read_text()), models.host, Choices())
    assert Providers(plain.task, Path(), models.host).asked == {}


def test_a_step_that_asks_more_than_once_is_told_apart_by_its_acts(models):
    task = load(Source("task.toml", TASK), models.host, Choices()).task
    providers = Providers(task, Path(), models.host)
    steps = {step.name: step for step in compile_task(task).steps}
    assert model_of_step(providers, object(), steps["round-2/learn"], "act").step == "round-2/learn/act"
    assert model_of_step(providers, object(), steps["round-2/approve"]) is None
    assert model_of_step(providers, object(), steps["round-2/experiment"], "look-1") is None


def test_a_second_campaign_with_the_same_questions_pays_nothing(models):
    first, second = models(), models()
    assert [line.outcome for line in second] == ["recalled"] * len(first)
    assert [line.text for line in second] == [line.text for line in first]
    assert models.ledger.spent() == Spending()
    assert len(models.billed()) == len(first)


def test_an_answer_that_cannot_be_used_is_sent_back_and_that_is_told(models):
    models.plant(faults={"1": "garbage", "3": "garbage", "4": "garbage"})
    lines = models()
    told = {step: [line.outcome for line in lines if line.step == step] for step in STEPS[:3]}
    assert told == {
        "round-1/propose": ["answered", "unusable", "answered"],
        "round-1/review": ["answered", "unusable", "answered", "unusable"],
        "round-1/learn": ["answered"],
    }
    assert "not JSON" in next(line.text for line in lines if line.outcome == "unusable")


@pytest.mark.parametrize("outcome", ["truncated", "blocked", "refused"])
def test_no_answer_ends_no_campaign(models, outcome):
    models.plant(faults={str(number): outcome for number in range(1, 100)})
    lines = models()
    assert models.verdict.decision
    heard = [
        outcome if number < PATIENCE or outcome != "unavailable" else "capped" for number in range(len(STEPS))
    ]
    assert [(line.step, line.outcome) for line in lines] == list(zip(STEPS, heard, strict=True))


def test_what_may_succeed_later_is_tried_again(models, monkeypatch):
    monkeypatch.setattr("rectune_dsl.llm.session.time.sleep", lambda seconds: None)
    models.plant(faults={"1": "unavailable"})
    assert [line.outcome for line in models()[:2]] == ["unavailable", "answered"]


@pytest.mark.parametrize(("cap", "calls"), [("max_calls = 2", 2), ("max_tokens = 8450", 3)])
def test_a_cap_is_never_passed_and_ends_no_campaign(models, cap, calls):
    lines = models(cap)
    assert models.verdict.decision
    assert Counter(line.outcome for line in lines) == {"answered": calls, "capped": len(STEPS) - calls}
    assert len(models.billed()) == calls


PRICES = """
[[price]]
model = "planted-1"
input = 100.0
output = 1000.0
since = 2026-01-01
source = "a test"
"""


def test_a_cap_in_dollars_holds_with_prices_of_ones_own(models):
    Path("prices.toml").write_text(PRICES)
    lines = models('prices = "prices.toml"\nmax_usd = 0.05\nmax_output_tokens = 16\n')
    paid = [line.usd for line in lines if line.outcome == "answered"]
    assert set(paid) == {(100 * 100 + 10 * 1000) / 1e6}
    assert 0 < sum(paid) <= 0.05
    assert lines[-1].outcome == "capped"


def test_a_provider_that_cannot_be_made_gives_no_answer(models):
    lines = models('endpoint = "nowhere"')
    assert {line.outcome for line in lines} == {"refused"}
    assert "nothing there" in lines[0].text
    assert models.verdict.decision


def test_a_cassette_is_recorded_also_from_what_was_paid_before_and_replayed_for_nothing(models):
    models()
    recorded = models('cassette = "tape.jsonl"')
    assert {line.outcome for line in recorded} == {"recalled"}
    Path("journal.sqlite").unlink()
    replayed = models('cassette = "tape.jsonl"\ncassette_mode = "replay"\nmax_calls = 1')
    assert [(line.step, line.outcome) for line in replayed] == [(step, "recalled") for step in STEPS]
    assert models.ledger.spent() == Spending()
    assert len(models.billed()) == len(STEPS)


def test_failures_on_a_cassette_are_failures_again_and_cost_nothing(models):
    models.plant(faults={"1": "truncated"})
    models('cassette = "tape.jsonl"')
    Path("journal.sqlite").unlink()
    lines = models('cassette = "tape.jsonl"\ncassette_mode = "replay"')
    assert [line.outcome for line in lines] == ["unusable"] + ["recalled"] * (len(STEPS) - 1)
    assert models.ledger.spent() == Spending()


def test_a_question_that_is_on_no_cassette_is_not_asked(models):
    models('cassette = "tape.jsonl"')
    Path("journal.sqlite").unlink()
    lines = models('cassette = "tape.jsonl"\ncassette_mode = "replay"\nthinking = "low"')
    assert {line.outcome for line in lines} == {"refused"}
    assert len(models.billed()) == len(STEPS)


@pytest.mark.parametrize(
    "more", ['cassette = "none.jsonl"\ncassette_mode = "replay"', 'prices = "none.toml"'], ids=str.split
)
def test_a_file_that_is_not_there_is_told_before_anything_is_done(models, more):
    with pytest.raises(UsageError, match=r"none\.(jsonl|toml)"):
        models(more)
    assert models.billed() == []


def test_the_name_of_a_provider_is_that_of_an_agent_where_there_is_one_that_asks(tmp_path):
    plugin = tmp_path / "brings_both.py"
    plugin.write_text(
        "from rectune_dsl.hooks.specs import hookimpl\n"
        "@hookimpl\n"
        "def rectune_register_llms(register):\n"
        "    register('oracle', lambda settings: None)\n"
        "    register('bayes', lambda settings: None)\n"
    )
    host = Host([plugin])
    assert {"llm", "oracle", "gemini"} <= host.agents()["actor"]
    for role, names in host.agents().items():
        assert ("oracle" in names) == ("llm" in names) == ("gemini" in names)
        if "llm" in names:
            assert host.provider(role, "oracle", "gemini") == "oracle"
            assert host.provider(role, "llm", "gemini") == "gemini"
            assert type(host.agent(role, "oracle")._inner) is type(host.agent(role, "llm")._inner)
    assert host.provider("actor", "bayes", "gemini") == ""  # the agent of that name was there first


def test_a_step_says_who_does_it_and_whom_that_asks(models):
    task = load(Source("task.toml", TASK), models.host, Choices()).task
    renamed = task.model_copy(update={"agents": task.agents.model_copy(update={"critic": "hybrid"})})
    said = {step.role: step.agent for step in compile_task(renamed).steps}
    assert said["critic"] == "critic hybrid (planted)"
    assert said["actor"] == "actor asking"
    assert said[""] == ""


def test_a_model_in_a_context_is_one_that_is_told_what_is_unusable(models):
    task = load(Source("task.toml", TASK), models.host, Choices()).task
    asked = StepModel(Providers(task, Path(), models.host), object(), "planted", "s", "actor")
    assert isinstance(asked, JudgedLLM)
    assert models.host.llm("planted")(ModelSettings()).model == "planted-1"


# --- kill -9 -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_in_every_act_it_pays_for_each_answer_once(models, tmp_path):
    task = tmp_path / "asking.toml"
    task.write_text(TASK.replace("rounds = 2", "rounds = 1"))
    steps = [*STEPS[:3], "recommend"]
    environment = {**os.environ, "PLANTED": "{}"}
    chain = [HERE / "kill_chain.py", "killed.sqlite", task, *PLUGINS]
    done = subprocess.run([sys.executable, *map(str, chain)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > len(steps)
    assert len(models.billed()) == len(set(models.billed())) == len(steps)
    journal = Journal("killed.sqlite")
    lines = RunLedger(journal.store, journal.runs()[0].run).calls()
    assert [line.step for line in lines if line.outcome == "answered"] == steps
    recalled = [line.step for line in lines if line.outcome == "recalled"]
    assert recalled == steps[-len(recalled) :]
    assert len(recalled) >= len(steps) - 1  # the first process may die later than in its first act


def test_a_provider_that_does_not_answer_is_left_alone_for_a_while(models):
    """Of 19 questions, three a round and one in the end, the first three are asked, then each eighth."""
    models.plant(faults={str(number): "unavailable" for number in range(1, 99)})
    models("attempts = 1\n", text=TASK.replace("rounds = 2", "rounds = 6"))
    assert len(models.billed()) == PATIENCE + (19 - PATIENCE) // RESTS
    assert models.verdict is not None


def test_one_answer_and_it_is_asked_as_before(models):
    models.plant(faults={"1": "unavailable", "2": "unavailable"})
    models("attempts = 1\n")
    assert len(models.billed()) == len(STEPS)
