"""Who watches a page is sent what changes of it, and nothing else."""

import http.client
import json
import re
import time

import pytest
from served import begun

from rectune_dsl.ui import stream
from rectune_dsl.ui.door import IDLE_SECONDS

STEP = "round-1/approve"


class Watched:
    """The events of a page, as they come."""

    def __init__(self, browser, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=10)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        self.connection.request("GET", path, headers={"Cookie": cookie})
        self.answer = self.connection.getresponse()
        assert self.answer.headers["content-type"].startswith("text/event-stream")

    def event(self):
        """The next event, and its data; None at the end."""
        lines = []
        while line := self.answer.readline().decode().rstrip("\n"):
            lines.append(line)
        if not lines:
            return None
        kind, data = (line.split(": ", 1)[1] for line in lines)
        return kind, json.loads(data)

    def round(self):
        """What is sent at one look: the parts, by their names."""
        parts = {}
        while (event := self.event()) is not None and event[0] == "part":
            parts[event[1]["name"]] = event[1]["html"]
        return parts

    def until(self, name, words):
        """Wait until a part is sent in which these words are."""
        ends = time.monotonic() + 8
        while words not in self.round().get(name, ""):
            assert time.monotonic() < ends

    def close(self):
        self.answer.close()
        self.connection.close()


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.1)


@pytest.fixture
def watch(browser):
    opened = []

    def open_(path):
        opened.append(Watched(browser, path))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def live(page):
    return page.all("body")[0]["data-live"]


def test_a_page_that_was_just_made_is_not_sent_again(browser, asking, watch):
    for path in ("/", asking.path):
        events = watch(live(browser.get(path).page))
        assert events.event() == ("trouble", "")
        assert events.round() == {}


def test_a_page_that_is_not_known_is_sent_whole(browser, asking, watch):
    page = browser.get(asking.path).text
    events = watch(f"{asking.path}/live")
    events.event()
    parts = events.round()
    assert {"standing", "question", "abort", "report-verdict", "report-provenance"} <= set(parts)
    assert all(html in page for html in parts.values())


def test_what_changes_is_sent(browser, asking, watch):
    run, runs = watch(live(browser.get(asking.path).page)), watch(live(browser.get("/").page))
    browser.send(f"{asking.path}/answer", step=STEP, answer="approve", why="fine")
    run.until("standing", "approved by ada: fine")
    asking.go()
    run.until("question", "round-2/approve")
    runs.until("runs", "round-2/approve")


def test_a_new_run_appears_in_the_list(browser, asking, watch):
    runs = watch(live(browser.get("/").page))
    made = begun(asking.journal)
    runs.until("runs", made.name)


def test_a_watched_page_ends_with_its_session(served, browser, asking, watch):
    for path in ("/live", f"{asking.path}/live"):
        events = watch(path)
        assert events.event() is not None
        served.clock.now += IDLE_SECONDS
        for _ in range(100):
            if (event := events.event())[0] == "ended":
                break
        assert "Your session has ended" in event[1]
        assert events.event() is None
        served.clock.now -= IDLE_SECONDS
        browser.cookies = served.browser().cookies


def test_the_server_stops_at_once_while_pages_are_watched(serve, asking, tmp_path):
    served = serve(asking.journal)
    browser = served.browser()
    watched = [Watched(browser, path) for path in ("/live", f"{asking.path}/live")]
    assert all(one.event() for one in watched)
    began = time.monotonic()
    served.server.should_exit = True
    served._thread.join(10)
    assert time.monotonic() - began < 2
    for one in watched:
        while one.event():
            pass
        one.close()


def test_what_is_sent_is_one_line_of_json(browser, asking, watch):
    events = watch(f"{asking.path}/live")
    lines = [events.answer.readline().decode() for _ in range(20)]
    assert all(re.fullmatch(r"(event: \w+|data: .*|)\n", line) for line in lines)
