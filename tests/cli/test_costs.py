"""What language models cost is said before, after, and in JSON."""

import json
import re
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[1] / "workflow"
PLUGINS = ("--plugin", WORKFLOW / "planted.py", "--plugin", WORKFLOW / "planted_llm.py")
TASK = (WORKFLOW / "planted.toml").read_text().replace("rounds = 2", "rounds = 1")
ASKING = '[agents]\nactor = "asking"\ninsight = "asking"\n[llm]\nprovider = "planted"\n'
PLANNED, CALLS = 2, 3
"""To propose and to learn; this actor also asks what to recommend."""
PRICES = """
[[price]]
model = "planted-1"
input = 1000.0
output = 2000.0
since = 2026-01-01
source = "a test"
"""
USD = (100 * 1000 + 10 * 2000) / 1e6
"""Of one planted answer: 100 tokens in, 10 out."""


@pytest.fixture
def task(tmp_path, platform, monkeypatch):
    """`task(more)` writes a task that asks, with more lines in [llm]; `plant` says what the model does."""
    platform()

    def write(more="", **options):
        log = {"log": str(tmp_path / "bill.jsonl")}
        monkeypatch.setenv("PLANTED_LLM", json.dumps(log | options))
        (tmp_path / "prices.toml").write_text(PRICES)
        path = tmp_path / "task.toml"
        path.write_text(TASK + ASKING + more)
        return path

    return write


def costs_of(rectune):
    return json.loads(rectune("show", "last", "--json").out)["language_models"]


def test_plan_states_calls_tokens_dollars_and_what_it_assumes(rectune, task, tmp_path):
    told = rectune(*PLUGINS, "plan", task('prices = "prices.toml"\nmax_usd = 500.0\n')).out
    assert "language model: planted planted-1, asked by actor, insight" in told
    likely, worst = (
        re.search(rf"{which} (\d+) calls, ([\d,]+) tokens, USD ([\d.,]+)", told)
        for which in ("likely", "at worst")
    )
    assert (int(likely[1]), int(worst[1])) == (PLANNED, 2 * PLANNED)
    assert int(worst[2].replace(",", "")) > 2 * PLANNED * 8192  # the longest answers, and the questions
    tokens_in = int(likely[2].replace(",", "")) - PLANNED * 1500
    assert float(likely[3].replace(",", "")) == pytest.approx(tokens_in / 1e3 + PLANNED * 1.5 * 2, abs=0.01)
    assert "2,000 tokens of instructions; an answer has 1,500" in told
    assert "caps: max_usd 500.0, max_calls 500" in told
    assert not (tmp_path / "bill.jsonl").exists()


@pytest.mark.parametrize(("mode", "calls"), [("auto", 2), ("ask", 2 + 3)])
def test_plan_counts_what_people_are_told_where_they_are_asked(rectune, task, mode, calls):
    path = task()
    path.write_text(
        TASK + ASKING.replace("[llm]", 'online = "asking"\n[llm]') + f'[approval]\nmode = "{mode}"\n'
    )
    assert f"likely {calls} calls" in rectune(*PLUGINS, "plan", path).out


def test_plan_of_a_task_that_asks_nobody_says_nothing_of_models(rectune, task, tmp_path):
    path = task()
    path.write_text(TASK)
    assert "language model" not in rectune(*PLUGINS, "plan", path).out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("max_calls = 1\n", "max_calls is likely to be reached before round-1/learn"),
        ("max_tokens = 12_000\n", "max_tokens is likely to be reached before round-1/learn"),
        ('prices = "prices.toml"\nmax_usd = 20.0\n', "max_usd is likely to be reached before round-1/learn"),
    ],
)
def test_plan_says_when_a_cap_would_be_reached(rectune, task, more, words):
    told = rectune(*PLUGINS, "plan", task(more))
    assert words in told.out
    assert "RT910 warning" in told.out
    assert told.code == 0


@pytest.mark.parametrize(
    ("more", "code", "line"),
    [
        ("max_usd = 5.0\n", "RT909", "max_usd"),
        ('prices = "none.toml"\n', "RT908", "prices"),
        ('cassette = "none.jsonl"\ncassette_mode = "replay"\n', "RT908", "cassette"),
    ],
)
def test_what_could_not_be_kept_or_read_is_said_before_anything_is_launched(rectune, task, more, code, line):
    path = task(more)
    number = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if text.startswith(line))
    planned = rectune(*PLUGINS, "plan", path)
    assert (planned.code, f"task.toml:{number}:" in planned.out, code in planned.out) == (2, True, True)
    refused = rectune(*PLUGINS, "run", path)
    assert (refused.code, f"task.toml:{number}:" in refused.err, code in refused.err) == (2, True, True)
    assert rectune("ls").code == 2 or "planted-" not in rectune("ls").out


def test_run_and_show_tell_the_ledger(rectune, task):
    path = task('prices = "prices.toml"\nmax_usd = 50.0\nmax_output_tokens = 16\n', faults={"1": "garbage"})
    ran, shown = rectune(*PLUGINS, "run", path).out, rectune(*PLUGINS, "show", "last").out
    for told in (ran, shown):
        (row,) = re.findall(r"^ all .*$", told, re.MULTILINE)
        calls, tokens_in, tokens_out, usd, recalled, repaired, fell_back = row.split()[-7:]
        assert (calls, tokens_in, tokens_out) == ("4", "400", "40")
        assert float(usd) == pytest.approx(4 * USD, abs=1e-4)
        assert (recalled, repaired, fell_back) == ("0", "1", "0")
    costs = costs_of(rectune)
    assert [(c["round"], c["role"], c["calls"]) for c in costs["by_round_and_agent"]] == [
        (1, "actor", 2),
        (1, "insight", 1),
        (None, "actor", 1),
    ]
    assert costs["total"]["usd"] == pytest.approx(4 * USD)


def test_a_campaign_that_falls_back_says_how_often(rectune, task):
    path = task("max_calls = 2\n", faults={"1": "blocked"})
    assert rectune(*PLUGINS, "run", path).code == 0
    total = costs_of(rectune)["total"]
    assert (total["calls"], total["fell_back"], total["repaired"], total["recalled"]) == (2, 2, 0, 0)


def test_the_same_campaign_again_recalls_all_and_learns_the_same(rectune, task):
    path = task()
    shown = []
    for _ in range(2):
        assert rectune(*PLUGINS, "run", path).code == 0
        shown.append(json.loads(rectune("show", "last", "--json").out))
    first, second = (show.pop("language_models")["total"] for show in shown)
    assert (first["calls"], first["recalled"]) == (CALLS, 0)
    assert (second["calls"], second["recalled"], second["usd"]) == (0, CALLS, 0)
    assert shown[0]["rounds"] == shown[1]["rounds"]  # the confirmation is the surface's second


def test_a_replayed_campaign_shows_the_same_whenever_it_is_run(rectune, task, tmp_path):
    path = task('cassette = "tape.jsonl"\n')
    assert rectune(*PLUGINS, "run", path).code == 0
    path = task('cassette = "tape.jsonl"\ncassette_mode = "replay"\n')
    assert "2 answers come from tape.jsonl, and cost nothing" in rectune(*PLUGINS, "plan", path).out
    shown = []
    for store in ("one.sqlite", "two.sqlite"):
        assert rectune(*PLUGINS, "run", path, "--store", store).code == 0
        shown.append(rectune("show", "last", "--json", "--store", store).out)
    assert shown[0] == shown[1]


def test_plan_warns_of_a_model_that_cannot_be_asked(rectune, task, monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"):
        monkeypatch.delenv(name, raising=False)
    told = rectune(*PLUGINS, "plan", task(""), "--agent", "critic=gemini")
    assert "RT911 warning: `gemini` cannot be asked now: no client for it: " in told.out
    assert "GEMINI_API_KEY" in told.out
    assert told.code == 0
    monkeypatch.setenv("GEMINI_API_KEY", "some-key")
    assert "RT911" not in rectune(*PLUGINS, "plan", task(""), "--agent", "critic=gemini").out
