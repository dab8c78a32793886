"""Each part keeps its contract, and all are found."""

import json

import numpy as np
import pytest
from rectune_example.critic import SmallestFirst
from rectune_example.function import FADE

from rectune_dsl.plugins.host import Host
from rectune_dsl.testing import CriticContract, FunctionContract
from rectune_dsl.testing.http_server import LoopbackServer, Reply


class TestSmallestFirst(CriticContract):
    @pytest.fixture
    def make(self):
        return SmallestFirst


class TestFade(FunctionContract):
    domain = ((0.0, 1.0), (0.0, 365.0))

    @pytest.fixture
    def function(self):
        return FADE


class Chat(LoopbackServer):
    def __init__(self, status=200):
        super().__init__()
        self.heard, self.status = [], status

    def respond(self, asked):
        self.heard.append(json.loads(asked.body)["text"])
        return Reply(self.status, b"{}")


@pytest.fixture
def project(rectune_project, tmp_path):
    rectune_project.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return rectune_project


def test_a_week_halves():
    assert FADE.evaluate(np.array([0.8, 0.8]), np.array([0.0, 7.0])).tolist() == [0.8, 0.4]


def test_all_of_it_is_found(project):
    (plugin,) = Host().plugins_named("rectune-example")
    assert not plugin.failure
    told = project.run("plugins", "--why", "rectune-example").stdout
    assert "brings: agent critic/smallest-first, function fade" in told
    assert "command post: rectune-example" in told


def test_a_campaign_uses_it_and_is_listened_to(project):
    project.task(
        agents={"critic": "smallest-first"},
        stages={"ranking": {"score": "fade(p_click, 7) + w_long * p_long_view"}},
    )
    with Chat() as chat:
        project.env["RECTUNE_WEBHOOK"] = chat.address
        done = project.run("run", "task.toml")
    assert done.exit_code == 0, done.stderr
    assert [text.split(": ")[1] for text in chat.heard[:2]] == ["round 1 is over", "round 2 is over"]
    assert len(chat.heard) == 3
    assert "smallest-first" in project.run("show", "last", "--full").stdout


def test_post_says_what_became_of_it(project):
    assert "RECTUNE_WEBHOOK is not set" in project.run("post", "hello").stderr
    with Chat() as chat:
        project.env["RECTUNE_WEBHOOK"] = f"{chat.address}/s3cret"
        assert project.run("post", "hello").stdout == "posted\n"
        chat.status = 500
        failed = project.run("post", "hello")
    assert chat.heard == ["hello", "hello"]
    assert failed.exit_code == 3
    assert "does not take it: HTTPError" in failed.stderr
    assert "s3cret" not in failed.stderr
