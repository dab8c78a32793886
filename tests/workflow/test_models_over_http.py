"""A campaign that asks Gemini's real client, over HTTP: each request is a line of the ledger."""

from pathlib import Path

import pytest

from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.ledger import NO_CALLS, RunLedger
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.llm_server import LLMServer
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.prepare import begin, load

HERE = Path(__file__).parent
KEY = "AIzaSyD-never-to-be-seen_0123456789abcde"
TASK = (
    (HERE / "planted.toml").read_text()
    + """
[agents]
actor = "asking"
critic = "asking"
insight = "asking"
[llm]
endpoint = "URL"
timeout_seconds = 20
prices = "prices.toml"
cassette = "tape.jsonl"
"""
)
PRICES = """
[[price]]
model = "gemini-3.8-flash"
input = 1.0
output = 2.0
since = 2020-01-01
source = "a test"
"""
STEPS = 7


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(server)`: the ledger's lines of a campaign that asks a server, and the verdict."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANTED", "{}")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setattr("rectune_dsl.llm.session.time.sleep", lambda seconds: None)
    for name in ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    Path("prices.toml").write_text(PRICES)
    host = Host([HERE / "planted.py", HERE / "planted_llm.py"])

    def run(server):
        loaded = load(Source("task.toml", TASK.replace("URL", server.url)), host, Choices())
        journal = Journal("journal.sqlite")
        name = begin(loaded, Choices(), journal)
        verdict = campaign(name, loaded, journal, host).run()
        return RunLedger(journal.store, name).calls(), verdict

    return run


def test_every_request_is_a_line_with_its_price(run):
    with LLMServer() as server:
        lines, _ = run(server)
    assert [line.outcome for line in lines] == ["answered"] * STEPS
    assert len(server.requests) == STEPS
    for line in lines:
        assert line.model.startswith("gemini-3.8-flash")
        assert line.usd == pytest.approx((line.input_tokens + 2 * line.output_tokens) / 1e6)
        assert line.usd > 0


@pytest.mark.parametrize(
    "faults",
    [
        ["busy", "broken", "dropped", "cut off", "malformed"],
        ["garbage", "wrong", "nan", "echo", "empty"],
        ["truncated", "blocked", "unsafe", "unauthorized", "no usage"],
    ],
    ids=", ".join,
)
def test_whatever_goes_wrong_the_campaign_comes_to_its_verdict(run, faults):
    with LLMServer(faults=faults) as server:
        lines, verdict = run(server)
    assert verdict.decision in ("ship", "hold", "keep production")
    assert sum(line.outcome not in NO_CALLS for line in lines) == len(server.requests)
    assert lines[-1].outcome == "answered"


def test_a_key_is_written_nowhere(run, tmp_path):
    def leak(prompt, schema):
        return f'"your key is {KEY}"'

    with LLMServer(answer=leak, faults=["unauthorized", "busy"]) as server:
        run(server)
    written = [file for file in tmp_path.iterdir() if file.is_file()]
    assert {"journal.sqlite", "tape.jsonl"} <= {file.name for file in written}
    assert all(KEY.encode() not in file.read_bytes() for file in written)
