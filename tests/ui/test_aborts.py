"""An abort from a browser: asked back, on record, and told as it is, also where it does not get through."""

import re
import threading
import time

import pytest
from served import TASK, begun

from rectune_dsl.memory import lease, slots
from rectune_dsl.memory.lease import Lease
from rectune_dsl.workflow.standing import standing

CONFIRMED = {"why": "an incident", "confirmed": "yes"}


@pytest.fixture
def running(journal, platform):
    """A run whose first experiment serves users."""
    platform(virtual_time=False)
    made = begun(journal, TASK)
    made.go()
    assert platform.calls()[-1] == "start"
    return made


@pytest.fixture
def served(serve, running):
    return serve(running.journal)


def send(browser, run):
    return browser.send(f"{run.path}/abort", **CONFIRMED).page.text


def until(condition):
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_it_is_asked_back_and_needs_a_reason(browser, running, platform):
    assert browser.send(f"{running.path}/abort", why=" ", confirmed="yes").status == 422
    back = browser.send(f"{running.path}/abort", why="an incident")
    assert back.status == 200
    assert "Abort this run?" in back.page.text
    assert running.abort is None
    kept = {a["name"]: a["value"] for a in back.page.all("input") if a["type"] == "hidden"}
    browser.post(f"{running.path}/abort", kept)
    assert (running.abort.by, running.abort.why) == ("ada", "an incident")
    assert platform.calls()[-1] == "stop"


def test_it_says_what_it_stopped(browser, running):
    assert f"Run {running.name} is aborted; stopped: round-1/experiment." in send(browser, running)
    assert "aborted by ada" in browser.get(running.path).page.text
    assert "/abort" not in browser.get(running.path).text  # there is nothing left to abort


def test_a_second_abort_is_told_of_the_first(browser, running):
    send(browser, running)
    said = browser.send(f"{running.path}/abort", **{**CONFIRMED, "why": "again"}).page.text
    assert "Not done" in said
    assert "aborted by ada" in said
    assert running.abort.why == "an incident"


def test_what_the_run_asked_cannot_be_answered_any_more(serve, asking):
    browser = serve(asking.journal).browser()
    send(browser, asking)
    answer = {"step": "round-1/approve", "answer": "approve", "why": "fine"}
    said = browser.send(f"{asking.path}/answer", **answer).page.text
    assert f"Not done: run {asking.name} was aborted by ada." in said


def test_a_platform_that_refuses_is_told_of_and_tried_again(browser, running, platform):
    platform(virtual_time=False, refuse=True)
    said = send(browser, running)
    assert "The abort failed: the platform refuses." in said
    assert "ask it nicely" in said
    page = browser.get(running.path).page.text
    assert "The abort is not finished: its traffic may still be served." in page
    assert "When it was tried last: the platform refuses" in page
    assert standing(running.journal, running.name).half_aborted
    platform(virtual_time=False)
    assert "is aborted; stopped: round-1/experiment" in send(browser, running)
    assert "When it was tried last" not in browser.get(running.path).page.text
    assert platform.calls()[-1] == "stop"


def test_what_is_wrong_with_the_backend_is_told_and_does_not_stop_it(browser, running, platform):
    platform(virtual_time=False, problems=["no credentials for the warehouse"])
    said = send(browser, running)
    assert "is aborted" in said
    assert "is not ready: no credentials for the warehouse" in said


def test_who_was_at_work_is_told_of_once_traffic_is_stopped(browser, running, platform, monkeypatch):
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 1.5)
    with Lease(running.journal.store, running.name):  # this process, which does not go
        said = send(browser, running)
        assert "Its traffic is stopped." in said
        assert "was at work" in said
        assert platform.calls()[-1] == "stop"
        assert "The abort is not finished" in said
        until(lambda: not standing(running.journal, running.name).half_aborted)
    assert "aborted by ada" in browser.get(running.path).page.text


FUNCTION = """
from rectune_dsl.hooks.api import FormulaFunction
from rectune_dsl.hooks.specs import hookimpl

@hookimpl
def rectune_register_functions(register):
    register("twice", FormulaFunction("twice", 1, lambda x: x * 2, "2 x", monotone=("nondecreasing",)))
"""


def test_a_run_whose_plugin_is_gone_can_be_looked_at_and_aborted(serve, journal, platform, tmp_path):
    platform(virtual_time=False)
    (tmp_path / "mine.py").write_text(FUNCTION)
    run = begun(journal, TASK.replace("a * p", "a * twice(p)"), plugins=(tmp_path / "mine.py",))
    run.go()
    browser = serve(journal).browser()
    page = browser.get(run.path).page.text
    assert "The report cannot be made" in page
    assert "It waits for the data" in page
    said = send(browser, run)
    assert "is aborted; stopped: round-1/experiment" in said
    assert "could not be launched today" in said
    assert platform.calls()[-1] == "stop"


@pytest.mark.parametrize("by", ["ada", "bob"])
def test_who_aborts_what_is_being_aborted_is_told_by_whom(served, serve, running, platform, monkeypatch, by):
    begun, go = threading.Event(), threading.Event()

    def slowly(store, run):
        begun.set()
        assert go.wait(20)

    monkeypatch.setattr(slots, "release", slowly)  # which is done once traffic is stopped
    first, said = served.browser(), []
    clicked = threading.Thread(target=lambda: said.append(send(first, running)))
    clicked.start()
    assert begun.wait(20)
    other = served if by == "ada" else serve(running.journal, by=by)
    told = send(other.browser(), running)
    assert "Not done" in told
    assert re.search(r"is being aborted already, by ada at \S+ \S+ UTC: an incident", told)
    assert "When it was tried last" not in told
    go.set()
    clicked.join(20)
    assert "is aborted; stopped: round-1/experiment" in said[0]
    assert platform.calls().count("stop") == 1
    assert running.abort.by == "ada"
