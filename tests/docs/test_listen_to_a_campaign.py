"""The webhook of the page tells a real server what happens, once; and a campaign outlives it."""

import json
import re
from pathlib import Path

import pytest

from rectune_dsl.hooks import specs
from rectune_dsl.plugins.sound import HOOKS
from rectune_dsl.testing.http_server import LoopbackServer, Reply

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/listen-to-a-campaign.md").read_text(encoding="utf-8")
(WEBHOOK,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EVENTS = [name for name in HOOKS if not name.startswith("rectune_register_")]
PLANTED = ROOT / "tests/workflow/planted.py"
TASK = (ROOT / "tests/workflow/planted.toml").read_text()


class Chat(LoopbackServer):
    """Keeps what is posted to it."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def respond(self, asked):
        assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
        self.heard.append(json.loads(asked.body)["text"])
        return Reply(200, b"{}")


@pytest.fixture
def chat():
    with Chat() as server:
        yield server


@pytest.fixture
def project(rectune_project, chat):
    rectune_project.plugin(WEBHOOK, "webhook.py")
    rectune_project.env["RECTUNE_WEBHOOK"] = f"{chat.address}/hooks/0123"
    return rectune_project


def test_a_campaign_tells_its_rounds_and_its_verdict(project, chat):
    assert "rectune --plugin webhook.py run feed.toml" in PAGE
    project.task("feed.toml")
    assert project.run("run", "feed.toml").exit_code == 0
    run = chat.heard[0].split(":")[0]
    assert run in project.run("ls").stdout
    assert chat.heard[:2] == [f"{run}: round 1 is over", f"{run}: round 2 is over"]
    assert re.match(rf"{run}: (ship|hold|keep production)\. .", chat.heard[2])
    assert len(chat.heard) == 3
    project.run("resume", "last")
    assert len(chat.heard) == 3


def test_a_question_is_told_once_however_often_it_is_looked_for(project, chat):
    planted = ("--plugin", PLANTED)
    project.write("task.toml", TASK + '[approval]\nmode = "ask"\n')
    assert project.run(*planted, "run", "task.toml", "--until", "waiting").exit_code == 0
    for _ in range(3):
        project.run(*planted, "tick")
    (asked,) = chat.heard
    assert re.search(r"asks whether to launch: `rectune approve planted-\S+ round-1/approve`", asked)
    command = re.search("`rectune (.*)`", asked)[1]
    assert project.run(*command.split()).exit_code == 0
    project.run(*planted, "tick")
    assert [text.split(": ")[1][:10] for text in chat.heard[1:]] == ["round 1 is", "`rectune a"]


def test_an_arm_that_is_stopped_is_told_once(project, chat):
    project.env["PLANTED"] = '{"harm": 2.0}'
    project.write("task.toml", TASK)
    project.run("--plugin", PLANTED, "run", "task.toml", "--yes")
    stopped = [text for text in chat.heard if " stopped r" in text]
    assert stopped
    assert all(re.fullmatch(r"planted-\S+ stopped r\dp\d+: .*harm.*", text) for text in stopped)
    assert len(set(stopped)) == len(stopped)
    project.run("--plugin", PLANTED, "resume", "last")
    assert [text for text in chat.heard if " stopped r" in text] == stopped


def test_where_nobody_answers_the_campaign_goes_on(rectune_project):
    rectune_project.plugin(WEBHOOK, "webhook.py")
    rectune_project.env["RECTUNE_WEBHOOK"] = "http://127.0.0.1:9/"
    rectune_project.task()
    done = rectune_project.run("run", "task.toml")
    assert done.exit_code == 0
    assert "plugin webhook: rectune_round_finished failed: URLError" in done.stderr


def test_the_table_has_every_event():
    assert re.findall(r"^\| `(rectune_\w+)` \|", PAGE, re.MULTILINE) == EVENTS
    assert all(getattr(specs, name).__doc__ for name in EVENTS)
