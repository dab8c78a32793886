"""A run that has to ask waits; whoever may answers from any terminal; who comes next goes on."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

WORKFLOW = Path(__file__).parents[1] / "workflow"
PLANTED = ("--plugin", WORKFLOW / "planted.py")
TASK = (WORKFLOW / "planted.toml").read_text()
PRODUCTION = {"a": 0.4, "b": 0.4}


@pytest.fixture
def asking(tmp_path, platform):
    """A task that asks before each launch and before shipping."""
    platform()
    task = tmp_path / "task.toml"
    task.write_text(TASK + '[approval]\nmode = "ask"\n')
    return task


def calls(log, name):
    lines = log.read_text().splitlines() if log.exists() else []
    return [call[1:] for call in map(json.loads, lines) if call[0] == name]


def status(rectune):
    return json.loads(rectune("status", "last", "--json").out)


def test_from_start_to_ship_by_approvals(rectune, asking, tmp_path):
    log = tmp_path / "calls.jsonl"
    begun = rectune(*PLANTED, "run", asking, "--until", "waiting")
    assert begun.code == 0
    assert re.search(r"rectune approve planted-\S+ round-1/approve", begun.out)
    assert calls(log, "create") == []
    for step, launched in (("round-1/approve", 1), ("round-2/approve", 2), ("confirm", 3)):
        assert status(rectune)["asks"]["step"] == step
        assert f"asks about {step}" in rectune("ls").out
        assert rectune("approve", "last", step, "--by", "ada", "--why", "fine").code == 0
        assert status(rectune)["answer"] == {"granted": True, "by": "ada", "why": "fine", "asked": True}
        assert rectune(*PLANTED, "tick").code == 0
        assert len(calls(log, "create")) == launched
    assert status(rectune)["asks"]["what"] == "ship"
    assert calls(log, "deliver") == []
    for verb in ("show", "status"):
        assert "ship, not delivered yet" in " ".join(rectune(verb, "last").out.split())
    assert "Shipping was" not in rectune("show", "last").out
    assert "is not delivered yet" in rectune("export", "last").err
    rectune("approve", "last", "verdict", "--by", "ada")
    assert "ship" in rectune(*PLANTED, "tick", "last").out
    assert len(calls(log, "deliver")) == 1
    assert status(rectune)["over"]
    assert json.loads(rectune("ls", "--json").out)["runs"][0]["asks"] == ""
    assert rectune(*PLANTED, "tick").out == ""  # nothing is left to do
    told = rectune("show", "last", "--full").out
    assert told.count("The launch was approved by ada: fine.") == 2
    assert "The confirmation was approved by ada: fine." in told
    assert "Shipping was approved by ada." in told


def test_a_config_that_people_refuse_to_ship_is_no_ship_for_scripts(rectune, asking, tmp_path):
    rectune(*PLANTED, "run", asking, "--until", "waiting")
    for step in ("round-1/approve", "round-2/approve", "confirm"):
        rectune("approve", "last", step)
        rectune(*PLANTED, "tick")
    rectune("reject", "last", "verdict", "--by", "eve", "--why", "a launch freeze")
    assert rectune(*PLANTED, "resume", "last", "--require-ship").code == 1
    assert calls(tmp_path / "calls.jsonl", "deliver") == []
    assert status(rectune)["state"] == "ship, refused"
    assert "ship, refused" in rectune("show", "last").out
    exported = rectune("export", "last")
    assert tomllib.loads(exported.out)["provenance"]["shipped"] == "refused"
    assert "rejected by eve: a launch freeze" in exported.err


def test_a_question_says_what_is_asked_and_what_silence_means(rectune, asking):
    rectune(*PLANTED, "run", asking, "--until", "waiting")
    asks = status(rectune)["asks"]
    assert [arm["name"] for arm in asks["arms"]] == ["r1p1", "r1p2", "r1p3"] or len(asks["arms"]) >= 1
    assert all(arm["predictions"] and arm["risk"] is None for arm in asks["arms"])
    assert asks["share"] == pytest.approx((len(asks["arms"]) + 1) * 20_000 / 10_000_000)
    words = " ".join(rectune("status", "last").out.split())
    for part in (
        "; risk not known: nothing was measured yet",
        "Expected: r1p",
        "20,000 users per arm",
        "If nobody answers",
        "First served: Monday 2026-01-05",
        "In words, by numeric",
        "For users: r1p",
        "Rollback: Production stays as it is.",
    ):
        assert part in words
    assert words.count(" -> ") == 2 * len(asks["arms"])  # each is told once
    assert not any(arm["why"][:30] in words for arm in asks["arms"])
    assert set(asks["description"]) == {"for_users", "expected", "risk", "rollback", "author"}


def test_the_risk_is_told_once_something_was_measured(rectune, asking):
    rectune(*PLANTED, "run", asking, "--until", "waiting")
    first = rectune("status", "last").out
    assert not re.search(r"probability|guardrails hold|guardrail is broken", first)
    rectune("approve", "last", "round-1/approve")
    rectune(*PLANTED, "tick")
    assert all(0 <= arm["risk"] <= 0.2 for arm in status(rectune)["asks"]["arms"])
    assert "; breaks a guardrail with probability" in " ".join(rectune("status", "last").out.split())


BOLD = """
from rectune_dsl.hooks.api import Config, Prediction, Recommendation
from rectune_dsl.hooks.specs import hookimpl
from rectune_dsl.plugins.host import Host

class Bold:
    def __init__(self):
        self.propose = Host().agent("actor", "funnel").propose

    def recommend(self, context):
        lift = Prediction("watch_minutes", 0.1, 0.0, 0.2)
        return Recommendation(Config({"w_long": 5.0}), False, (lift,), lift, 0.97, 0.9, "to see it confirmed")

@hookimpl
def rectune_register_agents(register):
    register("actor", "bold", Bold)
"""
"""An Actor that recommends something although nothing was measured."""


def test_a_risk_that_rests_on_no_measurement_is_marked_wherever_a_person_reads_it(rectune, rectune_project):
    plugin = rectune_project.write("bold.py", BOLD)
    task = rectune_project.task(experiment={"rounds": 1}, agents={"actor": "bold"}, approval={"mode": "ask"})
    marked = "(assumed, before any guardrail was measured)"
    rectune("--plugin", plugin, "run", task, "--until", "waiting")
    asked = " ".join(rectune("status", "last").out.split())
    assert re.search(rf"; breaks a guardrail with probability 0\.\d\d {re.escape(marked)}", asked)
    assert {arm["assumed"] for arm in status(rectune)["asks"]["arms"]} == {marked.strip("()")}

    rectune("reject", "last", "round-1/approve", "--why", "not today")
    rectune("tick")
    asked = " ".join(rectune("status", "last").out.split())
    assert f"; breaks a guardrail with probability 0.03 {marked}" in asked
    for words in (("show", "last", "--full"), ("report", "last", "--format", "md", "-o", "-")):
        told = " ".join(rectune(*words).out.split())
        assert f"All guardrails hold with 97 % {marked}" in told
    assert json.loads(rectune("report", "last", "--format", "json", "-o", "-").out)["end"]["assumed"]


def test_a_rejected_round_is_not_launched_and_the_run_goes_on(rectune, asking, tmp_path):
    log = tmp_path / "calls.jsonl"
    rectune(*PLANTED, "run", asking, "--until", "waiting")
    rectune("reject", "last", "round-1/approve", "--by", "bob", "--why", "not today")
    assert "round-2/approve" in rectune(*PLANTED, "tick").out
    assert calls(log, "create") == []
    assert "not launched: rejected by bob: not today" in rectune("show", "last").out
    assert "rejected by bob: not today" in rectune("show", "last", "--full").out


def test_a_quiet_run_says_in_a_line_what_it_waits_for(rectune, asking):
    done = rectune(*PLANTED, "run", asking, "--until", "waiting", "--quiet")
    (line,) = done.out.splitlines()
    run = status(rectune)["run"]
    assert (
        line
        == f"run {run} waits for an answer to round-1/approve: `rectune status {run}` shows what it asks."
    )


def test_only_what_is_asked_can_be_answered_and_only_once(rectune, asking):
    rectune(*PLANTED, "run", asking, "--until", "waiting")
    early = rectune("approve", "last", "confirm")
    assert early.code == 2
    assert "it asks about 'round-1/approve'" in early.err
    assert rectune("approve", "last", "round-1/approve").code == 0
    again = rectune("reject", "last", "round-1/approve", "--why", "no")
    assert again.code == 2
    assert "answered already by " in again.err
    assert rectune("reject", "last", "round-1/approve").code == 2  # a no has a reason


def test_silence_becomes_a_no_where_the_task_says_so(rectune, tmp_path, platform):
    log = platform()
    task = tmp_path / "task.toml"
    task.write_text(TASK + '[approval]\nmode = "ask"\nexpires_after_days = 1e-9\n')
    assert rectune(*PLANTED, "run", task).code == 0  # nobody is here, and it ends nevertheless
    assert calls(log, "create") == []
    assert "no answer came by" in rectune("show", "last").out


def test_real_traffic_is_asked_for_and_auto_is_not(rectune, tmp_path, platform):
    log = platform(real_traffic=True)
    task = tmp_path / "task.toml"
    task.write_text(TASK)
    rectune(*PLANTED, "run", task, "--until", "waiting")
    assert status(rectune)["asks"]["step"] == "round-1/approve"
    rectune(*PLANTED, "abort", "last", "--why", "enough")
    task.write_text(TASK + '[approval]\nmode = "auto"\n')
    assert "verdict: ship" in rectune(*PLANTED, "run", task).out
    assert len(calls(log, "deliver")) == 1


def test_a_run_that_waits_has_no_verdict_to_require(rectune, asking):
    assert rectune(*PLANTED, "run", asking, "--until", "waiting", "--require-ship").code == 0
    rectune("reject", "last", "round-1/approve", "--why", "no")
    assert rectune(*PLANTED, "resume", "last", "--until", "waiting", "--require-ship").code == 0
    rectune("reject", "last", "round-2/approve", "--why", "no")
    ended = rectune(*PLANTED, "resume", "last", "--until", "waiting", "--require-ship")
    assert ("verdict: ship" in ended.out, ended.code) in ((True, 0), (False, 1))


def test_yes_answers_everything_and_is_on_record(rectune, asking):
    assert "verdict: ship" in rectune(*PLANTED, "run", asking, "--yes").out
    assert json.loads(rectune("show", "last", "--json").out)["shipping"]["why"] == "--yes"


def test_two_campaigns_on_the_same_real_users_are_refused(rectune, tmp_path, platform):
    platform(real_traffic=True)
    task = tmp_path / "task.toml"
    task.write_text(TASK)
    rectune(*PLANTED, "run", task, "--until", "waiting")
    second = rectune(*PLANTED, "run", task, "--until", "waiting")
    assert second.code == 2
    assert "would share" in second.err
    assert len(Journal(".rectune/journal.sqlite").runs()) == 1


def test_a_campaign_of_real_days_goes_on_by_ticks(rectune, tmp_path, platform, days):
    log = platform(virtual_time=False)
    task = tmp_path / "task.toml"
    task.write_text(TASK)
    begun = rectune(*PLANTED, "run", task, "--until", "waiting")
    assert "waits for the data, until 2026-03-04 00:00 UTC" in begun.out
    assert len(calls(log, "create")) == 1
    entries = len(Journal(".rectune/journal.sqlite").entries(status(rectune)["run"]))
    rectune(*PLANTED, "tick")  # too early: nothing happens, and nothing is written
    assert len(Journal(".rectune/journal.sqlite").entries(status(rectune)["run"])) == entries
    ticks = 0
    while not status(rectune)["over"]:
        days.pass_(hours=7)
        assert rectune(*PLANTED, "tick").code == 0
        ticks += 1
    assert len({key for [key] in calls(log, "create")}) == 3  # asked for again, by the same keys
    assert len(calls(log, "start")) == 3
    # 14.5 hours until midnight, two rounds of two days, a confirmation of three; between them a day passes
    # until the midnight after the tick that ended one
    assert ticks == pytest.approx((14.5 + 24 * (2 + 1 + 2 + 1 + 3)) / 7, abs=2)
    assert json.loads(rectune("show", "last", "--json").out)["verdict"]["decision"] == "ship"


def test_one_run_that_fails_does_not_keep_the_others(rectune, tmp_path, platform, days):
    task = tmp_path / "task.toml"
    task.write_text(TASK)
    platform(virtual_time=False)
    for _ in range(2):
        rectune(*PLANTED, "run", task, "--until", "waiting")
    days.pass_(days=2)
    platform(virtual_time=False, refuse=True)
    ticked = rectune(*PLANTED, "tick")
    assert ticked.code == 3
    assert ticked.err.count("the platform refuses") == 2
    platform(virtual_time=False)
    assert rectune(*PLANTED, "tick").code == 0


def test_abort_stops_traffic_at_once_and_for_good(rectune, tmp_path, platform, days):
    log = platform(virtual_time=False)
    task = tmp_path / "task.toml"
    task.write_text(TASK)
    rectune(*PLANTED, "run", task, "--until", "waiting")
    done = rectune(*PLANTED, "abort", "last", "--by", "ada", "--why", "an incident")
    assert done.code == 0
    assert "stopped: round-1/experiment" in done.out
    [[experiment, outcome]] = calls(log, "stop")
    assert experiment.startswith("planted:")
    assert outcome == "aborted by ada: an incident"
    days.pass_(days=9)
    assert rectune(*PLANTED, "tick").out == ""
    resumed = rectune(*PLANTED, "resume", "last")
    assert resumed.code == 2
    assert "aborted by ada" in resumed.err
    assert "aborted" in rectune("ls").out
    assert rectune(*PLANTED, "abort", "last", "--why", "again").code == 0  # it is over already
    assert len(calls(log, "stop")) == 1
    assert calls(log, "deliver") == []


def test_abort_takes_back_what_was_shipped_unless_another_run_shipped_since(rectune, tmp_path, platform):
    log = platform()
    task = tmp_path / "task.toml"
    task.write_text(TASK)
    rectune(*PLANTED, "run", task)
    first = status(rectune)["run"]
    rectune(*PLANTED, "run", task, "--seed", "1")
    second = status(rectune)["run"]
    assert len(calls(log, "deliver")) == 2
    kept = rectune(*PLANTED, "abort", first, "--why", "late regret")
    assert f"run {second} has delivered another config since" in kept.err
    delivered = calls(log, "deliver")
    taken = rectune(*PLANTED, "abort", second, "--why", "regret")
    assert "taken back" in taken.out
    # not what the first shipped, which is regretted
    assert calls(log, "deliver") == [*delivered, [PRODUCTION]]
