"""What is answered in a browser is on record as from a terminal, and what came of it is said."""

import pytest
from served import ASK, begun

from rectune_dsl.memory.journal import Journal
from rectune_dsl.workflow.approval import answer_request
from rectune_dsl.workflow.journaled import Approval

STEP = "round-1/approve"


def test_an_approval_is_on_record_with_who_and_why_and_the_run_goes_on(store_url, platform, serve):
    run = begun(Journal(store_url))
    run.go()
    said = (
        serve(run.journal)
        .browser()
        .send(f"{run.path}/answer", step=STEP, answer="approve", why="small steps")
    )
    assert f"{STEP} is approved by ada: small steps." in said.page.text
    assert f"rectune tick {run.name}" in said.page.text
    assert platform.calls() == []
    run.go()
    assert run.approval(STEP) == Approval(True, "ada", "small steps")
    assert "start" in platform.calls()


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_an_answer_needs_a_reason(browser, asking, answer):
    fields = [a for a in browser.get(asking.path).page.all("textarea") if a["id"] == f"why-{answer}"]
    assert "required" in fields[0]
    without = browser.send(f"{asking.path}/answer", step=STEP, answer=answer, why="  ")
    assert without.status == 422
    assert "Say why" in without.page.text
    asking.go()
    assert asking.approval(STEP) is None


def test_a_rejection_is_on_record(browser, asking, platform):
    said = browser.send(f"{asking.path}/answer", step=STEP, answer="reject", why="not today")
    assert f"{STEP} is rejected by ada: not today." in said.page.text
    asking.go()
    assert asking.approval(STEP) == Approval(False, "ada", "not today")
    assert platform.calls() == []


def test_a_page_that_shows_what_came_of_it_can_be_reloaded(browser, asking):
    answer = browser.post(
        f"{asking.path}/answer", {"csrf": browser.csrf(), "step": STEP, "answer": "approve", "why": "fine"}
    )
    first, again = browser.get(answer.headers["location"]), browser.get(answer.headers["location"])
    assert first.text == again.text
    assert "is approved by ada" in again.page.text


def test_shipping_is_asked_back(browser, asking, platform):
    for step in (STEP, "round-2/approve", "confirm"):
        browser.send(f"{asking.path}/answer", step=step, answer="approve", why="fine")
        asking.go()
    fields = {"step": "verdict", "answer": "approve", "why": "convincing"}
    without = browser.send(f"{asking.path}/answer", **{**fields, "why": "", "confirmed": "yes"})
    assert without.status == 422
    back = browser.send(f"{asking.path}/answer", **fields)
    assert back.status == 200
    assert "Ship it?" in back.page.text
    asking.go()
    assert asking.approval("verdict") is None
    kept = {a["name"]: a["value"] for a in back.page.all("input") if a["type"] == "hidden"}
    assert {name: kept[name] for name in fields} == fields
    browser.post(f"{asking.path}/answer", kept)
    asking.go()
    assert asking.approval("verdict") == Approval(True, "ada", "convincing")
    assert "deliver" in platform.calls()


def test_who_comes_second_is_told_who_was_first(browser, asking):
    answer_request(asking.journal, asking.name, STEP, Approval(False, "bob", "not today"))
    said = browser.send(f"{asking.path}/answer", step=STEP, answer="approve", why="fine")
    assert "Not done" in said.page.text
    assert f"{STEP} is rejected by bob: not today." in said.page.text
    asking.go()
    assert asking.approval(STEP) == Approval(False, "bob", "not today")


def test_what_was_answered_and_taken_up_cannot_be_answered_again(browser, asking):
    browser.send(f"{asking.path}/answer", step=STEP, answer="approve", why="fine")
    asking.go()
    said = browser.send(f"{asking.path}/answer", step=STEP, answer="reject", why="changed my mind")
    assert "Not done" in said.page.text
    assert f"{STEP} is approved by ada: fine." in said.page.text


def test_silence_that_became_a_no_is_told_and_cannot_be_approved(journal, serve, days):
    run = begun(journal, ASK + "expires_after_days = 3\n")
    run.go()
    browser = serve(journal).browser()
    assert "from 2026-03-05 09:30 UTC on, silence is a no" in browser.get(run.path).page.text
    days.pass_(days=3)
    assert "was not answered by 2026-03-05 09:30 UTC, which is a no" in browser.get(run.path).page.text
    said = browser.send(f"{run.path}/answer", step=STEP, answer="approve", why="fine")
    assert "silence was a no" in said.page.text


@pytest.mark.parametrize("fields", [{"step": STEP}, {"step": STEP, "answer": "maybe"}])
def test_an_answer_is_yes_or_no(browser, asking, fields):
    assert browser.send(f"{asking.path}/answer", **fields).status == 400
