"""The list of runs: read at a glance, and the same as if everything had been read."""

import re
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from copies import same_copies
from served import ASK, begun

from rectune_dsl.memory import lease
from rectune_dsl.memory.glance import Glance, length, lengths
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease
from rectune_dsl.report.view import read_run
from rectune_dsl.ui.lines import PER_PAGE, Asked, Lines, telling
from rectune_dsl.workflow.approval import answer_request
from rectune_dsl.workflow.journaled import Approval
from rectune_dsl.workflow.standing import standing


@contextmanager
def counted():
    """The statements that databases are asked meanwhile."""
    asked = []

    def note(connection, cursor, statement, *rest):
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_every_stage_of_a_run_is_told_as_its_whole_journal_tells_it(finished, journal, tmp_path):
    entries = journal.entries(finished.name)
    assert len(entries) > 100
    seen, cut = set(), Journal(str(tmp_path / "cut.sqlite"))
    cut.create(finished.name, "planted", "planted/feed")
    for entry in entries:
        cut.append(finished.name, entry.seq, entry.key, entry.body)
        whole, view = standing(cut, finished.name), read_run(cut, finished.name)
        assert standing(Glance(cut, telling), finished.name) == whole
        (line,) = Lines(cut).shown(Asked()).lines
        assert line.round == len(view.rounds)
        assert line.verdict == (view.verdict.decision if view.verdict else "")
        assert (line.state == "asks") == (whole.request is not None)
        assert (line.state == "finished") == whole.over
        seen.add(line.state)
    assert seen == {"stopped", "asks", "finished"}


def test_a_glance_leaves_out_what_weighs_much(finished, journal):
    whole, glance = journal.entries(finished.name), Glance(journal, telling).entries(finished.name)
    assert [(e.seq, e.key, e.at) for e in glance] == [(e.seq, e.key, e.at) for e in whole if not e.is_attempt]
    assert sum(len(e.body) for e in glance) < sum(len(e.body) for e in whole) / 10


def test_lengths_are_those_of_the_journals(finished, journal):
    other = begun(journal)
    rows = journal.runs()
    assert lengths(journal.store) == {row.run: len(journal.entries(row.run)) for row in rows}
    assert len(rows) == 3
    assert length(journal.store, other.name) == (1, 0)
    assert length(journal.store, "none") == (0, 0)


def test_a_line_follows_its_run(asking, journal):
    lines = Lines(journal)

    def line():
        return lines.shown(Asked()).lines[0]

    assert (line().state, line().waits_for) == ("asks", "an answer to round-1/approve")
    answer_request(journal, asking.name, "round-1/approve", Approval(True, "ada", ""))
    assert (line().state, line().waits_for) == ("waits", "")
    with Lease(journal.store, asking.name):
        assert line().state == "runs"
    asking.go()
    assert (line().state, line().round) == ("asks", 2)


@pytest.mark.parametrize("asked", [Asked(), Asked(state="asks")])
def test_looking_again_costs_the_same_however_many_runs_have_not_changed(journal, asking, asked):
    same_copies(journal, asking.name, 5)
    few, many = Lines(journal), Lines(journal)
    few.shown(asked)
    with counted() as again:
        before = few.shown(asked)
    same_copies(journal, asking.name, 100, first=5)
    many.shown(asked)
    with counted() as among_many:
        after = many.shown(asked)
    assert after.runs == before.runs + 100
    assert len(among_many) == len(again) <= 10
    same_copies(journal, asking.name, 1, first=200)
    with counted() as one_is_new:
        assert many.shown(asked).runs == after.runs + 1
    assert len(again) < len(one_is_new) <= len(again) + 10


def test_who_holds_a_run_and_no_longer_is_told_from_what_was_read(journal, asking, monkeypatch):
    answer_request(journal, asking.name, "round-1/approve", Approval(True, "ada", "fine"))
    lines = Lines(journal)
    with Lease(journal.store, asking.name):
        assert lines.shown(Asked()).lines[0].state == "runs"
        monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.0)
        assert lines.shown(Asked()).lines[0].state == "waits"
        monkeypatch.undo()
        assert lines.shown(Asked()).lines[0].state == "runs"
    assert lines.shown(Asked()).lines[0].state == "waits"


def test_a_run_that_is_over_and_then_aborted_is_not_told_from_memory(finished, journal, serve):
    served = serve(journal)
    assert "ship" in served.browser().get("/").page.text
    assert served.desk.lines.shown(Asked()).lines[1].state == "finished"
    served.browser().send(f"{finished.path}/abort", why="an incident", confirmed="yes")
    assert served.desk.lines.shown(Asked()).lines[1].state == "aborted"


def test_runs_are_found_by_text_and_state_and_shown_in_pages(journal, asking, finished, serve):
    for number in range(60):
        journal.create(f"other-{number:02}", "other", f"planted/{'feed' if number % 2 else 'search'}")
    browser = serve(journal).browser()

    def shown(query):
        page = browser.get(query).page
        names = re.findall(r"other-\d\d|planted-\d{8}\S+", page.text)
        return names, page

    names, page = shown("/")
    assert names == [f"other-{number:02}" for number in range(59, 59 - PER_PAGE, -1)]
    assert "62 runs, the newest first; page 1 of 3" in page.text
    assert [a["href"] for a in page.all("a") if "page=" in a["href"]] == ["/?page=2"]
    assert shown("/?page=3")[0][-2:] == [asking.name, finished.name]
    assert shown("/?page=99")[0] == shown("/?page=3")[0]
    assert shown("/?page=-1")[0] == shown("/?page=x")[0] == shown("/?state=nonsense")[0] == names
    assert shown("/?state=asks")[0] == [asking.name]
    assert len(shown("/?state=never+began&text=SEARCH")[0]) == PER_PAGE
    assert "30 runs" in shown("/?state=never+began&text=SEARCH")[1].text
    assert "page 2 of 2" in shown("/?state=never+began&text=SEARCH&page=2")[1].text
    assert "There is no such run" in shown("/?text=nothing")[1].text
    assert browser.get("/runs/other-01").status == 409
    assert "was stopped before it began" in browser.get("/runs/other-01").page.text


def test_an_expired_question_is_not_asked(journal, days):
    run = begun(journal, ASK + "expires_after_days = 3\n")
    run.go()
    lines = Lines(journal)
    assert lines.shown(Asked()).lines[0].state == "asks"
    days.pass_(days=3)
    assert lines.shown(Asked()).lines[0].state == Lines(journal).shown(Asked()).lines[0].state == "waits"
