"""Reports are made one run at a time, and none waits for that of another run."""

import threading

import pytest

from rectune_dsl.ui import reports
from rectune_dsl.ui.locks import Locks


@pytest.fixture
def slow(monkeypatch, finished):
    """Reports of the finished run take until `slow.go` is set; `slow.made` tells of which runs some were."""
    facts = reports.facts

    class Slow:
        begun, go, made = threading.Event(), threading.Event(), []

    def slowly(task, view, *rest):
        Slow.made.append(view.run)
        if view.run == finished.name:
            Slow.begun.set()
            assert Slow.go.wait(20)
        return facts(task, view, *rest)

    monkeypatch.setattr(reports, "facts", slowly)
    yield Slow
    Slow.go.set()


def test_a_slow_report_keeps_nobody_from_that_of_another_run(served, slow, finished, asking):
    first = served.browser()
    waiting = threading.Thread(target=first.get, args=(finished.path,))
    waiting.start()
    assert slow.begun.wait(20)
    assert served.browser().get(asking.path).status == 200
    assert waiting.is_alive()
    slow.go.set()
    waiting.join(20)


def test_many_who_look_at_once_share_a_report(served, slow, finished):
    rows = {row.run: row for row in served.desk.journal.runs()}
    told = []
    many = [
        threading.Thread(target=lambda: told.append(served.desk.reports.now(rows[finished.name])))
        for _ in range(5)
    ]
    for one in many:
        one.start()
    slow.go.set()
    for one in many:
        one.join(20)
    assert len(told) == 5
    assert slow.made == [finished.name]


def test_those_that_were_looked_at_last_are_kept(served, slow, monkeypatch, asking, finished):
    slow.go.set()
    rows = {row.run: row for row in served.desk.journal.runs()}
    for many, made in ((2, [finished.name, asking.name]), (1, [asking.name, finished.name])):
        monkeypatch.setattr(reports, "_KEPT", many)
        for name in (finished.name, asking.name, finished.name):
            served.desk.reports.now(rows[name])
        assert slow.made == made
        slow.made.clear()


def test_a_lock_is_there_while_somebody_wants_it():
    locks, inside, go = Locks(), threading.Event(), threading.Event()

    def stay():
        with locks.held("a"):
            inside.set()
            assert go.wait(20)

    one = threading.Thread(target=stay)
    one.start()
    assert inside.wait(20)
    with locks.held("b"):
        assert set(locks._used) == {"a", "b"}
    go.set()
    with locks.held("a"):
        assert set(locks._used) == {"a"}
    one.join(20)
    assert locks._used == {}
