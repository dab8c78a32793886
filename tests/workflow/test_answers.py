"""Whoever answers first has answered; who comes late is told so."""

from pathlib import Path

import pytest

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory import answers
from rectune_dsl.memory.codec import decode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.workflow.approval import answer_request
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.journaled import Approval, Request
from rectune_dsl.workflow.pause import Waiting
from rectune_dsl.workflow.prepare import begin
from rectune_dsl.workflow.watch import Answered

ASK = (Path(__file__).parent / "planted.toml").read_text() + '\n[approval]\nmode = "ask"\n'
STEP = "round-1/approve"
YES, NO = Approval(True, "here", "fine"), Approval(False, "ada", "not today")


class Run:
    """One that is taken up, and left where it waits, as often as `go` is called."""

    def __init__(self, lab, url, text):
        self.lab, self.loaded, self.journal = lab, lab.load(text), Journal(url)
        self.name = begin(self.loaded, Choices(), self.journal)
        self.told = []

    def go(self, approver=None):
        made = campaign(
            self.name,
            self.loaded,
            self.journal,
            self.lab.host,
            watch=self.told.append,
            approver=approver,
            stay=False,
        )
        with pytest.raises(Waiting):
            made.run()

    def answered(self):
        return [(event.request.step, event.answer) for event in self.told if isinstance(event, Answered)]

    def given(self, step):
        body = answers.given(self.journal.store, self.name, step)
        return None if body is None else decode(Approval, body)

    def recorded(self, step):
        return decode(Approval, self.journal.entry(self.name, f"{step}/approval").body)


@pytest.fixture
def run(lab, store_url):
    return lambda text=ASK: Run(lab, store_url, text)


class First:
    """Answers the first question, after somebody else had the time to."""

    def __init__(self, answer, meanwhile=lambda: None):
        self.answers, self.meanwhile = [answer], meanwhile

    def answer(self, request):
        if not self.answers:
            return None
        self.meanwhile()
        return self.answers.pop()


def test_what_is_answered_here_stands_for_everybody(run):
    asked = run()
    asked.go(First(YES))
    assert asked.given(STEP) == asked.recorded(STEP) == YES
    assert asked.answered() == [(STEP, YES)]


def test_an_answer_from_elsewhere_that_was_first_stands(run):
    asked = run()
    asked.go()
    asked.go(First(YES, lambda: answer_request(asked.journal, asked.name, STEP, NO)))
    assert asked.given(STEP) == asked.recorded(STEP) == NO
    assert asked.answered() == [(STEP, NO)]
    assert asked.lab.calls() == []  # nothing was launched


def test_silence_that_became_a_no_cannot_be_approved(run, days):
    asked = run(ASK + "expires_after_days = 3\n")
    asked.go()
    days.pass_(days=3)
    with pytest.raises(UsageError, match=r"could be answered until 2026-03-05 09:30 UTC: silence was a no"):
        answer_request(asked.journal, asked.name, STEP, YES)
    asked.go()
    assert not asked.given(STEP).granted
    assert asked.recorded(STEP).by == "nobody"


def test_what_was_answered_in_time_is_taken_later(run, days):
    asked = run(ASK + "expires_after_days = 3\n")
    asked.go()
    days.pass_(days=2)
    answer_request(asked.journal, asked.name, STEP, YES)
    days.pass_(days=2)
    asked.go()
    assert asked.recorded(STEP) == YES


def test_a_question_says_from_when_people_would_be_served(run):
    asked = run(ASK + "[freeze]\nsale = { first = 2026-01-06, last = 2026-01-07 }\n")
    asked.go()
    request = decode(Request, asked.journal.entry(asked.name, f"{STEP}/request").body)
    assert request.serves_from.isoformat() == "2026-01-08T00:00:00+00:00"
