"""The journal keeps everything, in order, and lets one process write a run."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.prepare import setbacks


@pytest.fixture
def journal(tmp_path):
    journal = Journal(str(tmp_path / "deep" / "journal.sqlite"))
    journal.create("a-1", "task", "simulator/feed")
    return journal


def test_an_act_is_done_once_and_recalled_afterwards(journal):
    done = []
    for _ in range(2):  # the second recorder is a process after a restart
        recorder = Recorder(journal, "a-1")
        assert recorder.act("step", int, lambda: done.append(1) or 7) == 7
    assert done == [1]
    assert recorder.has("step")
    assert recorder.recall("step", int) == 7
    assert recorder.recall("other", int) is None


def test_an_act_that_crashed_is_done_again_and_both_attempts_stand(journal):
    def crash():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Recorder(journal, "a-1").act("step", int, crash)
    Recorder(journal, "a-1").act("step", int, lambda: 1)
    assert [e.key for e in journal.entries("a-1")] == ["attempt:1:step", "attempt:2:step", "step"]


def test_what_fails_when_it_is_done_again_stands_as_an_attempt(journal):
    recorder = Recorder(journal, "a-1")
    recorder.act("step", int, lambda: 1)
    recorder.failed("step")
    recorder.act("next", int, lambda: 1)
    keys = [e.key for e in journal.entries("a-1")]
    assert keys == ["attempt:1:step", "step", "attempt:2:step", "attempt:3:next", "next"]
    assert setbacks(journal, "a-1") == 1


def test_two_writers_of_one_run_are_told_apart(journal):
    first, second = Recorder(journal, "a-1"), Recorder(journal, "a-1")
    first.act("step", int, lambda: 1)
    with pytest.raises(UsageError, match="another process"):
        second.act("step", int, lambda: 2)


def test_confirmations_are_numbered_over_the_runs_of_a_surface(journal):
    numbers = [journal.claim_confirmation("s", f"run-{i}") for i in range(3)]
    assert numbers == [1, 2, 3]
    assert journal.claim_confirmation("s", "run-1") == 2
    assert journal.claim_confirmation("other", "run-9") == 1
    assert journal.confirmations("s") == 3


def test_confirmations_claimed_at_once_are_all_different(tmp_path):
    url = str(tmp_path / "journal.sqlite")
    Journal(url)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda i: Journal(url).claim_confirmation("s", f"run-{i}"), range(16)))
    assert sorted(numbers) == list(range(1, 17))


def test_a_store_can_be_opened_by_many_processes_at_once(tmp_path):
    script = "import sys; from rectune_dsl.memory.journal import Journal; Journal(sys.argv[1])"
    for trial in range(3):
        command = [sys.executable, "-c", script, str(tmp_path / f"{trial}.sqlite")]
        opened = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        assert [(p.wait(), p.stderr.read()) for p in opened] == [(0, "")] * 4


def test_a_password_is_never_shown(tmp_path):
    with pytest.raises(UsageError) as caught:
        Journal("postgresql+nosuchdriver://user:secret@localhost/x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(url):
    with pytest.raises(UsageError, match="needs a file"):
        Journal(url)


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(UsageError, match="there is no store"):
        Journal(str(tmp_path / "deep" / "none.sqlite"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_found_by_the_beginning_of_its_id(journal):
    journal.create("a-2", "task", "simulator/feed")
    assert journal.find("a-1").run == "a-1"
    assert journal.find("last").run == "a-2"
    with pytest.raises(UsageError, match="more than one"):
        journal.find("a-")
    with pytest.raises(UsageError, match="no run"):
        journal.find("b")


def test_a_store_that_cannot_be_opened_says_what_to_write(tmp_path):
    (tmp_path / "text").write_text("not a database, but long enough to be looked at as one" * 30)
    for url in (str(tmp_path / "text"), "nonsense://x"):
        with pytest.raises(UsageError) as caught:
            Journal(url)
        assert "store" in str(caught.value)
        assert caught.value.help


def test_a_store_of_another_schema_is_left_alone(tmp_path):
    url = tmp_path / "journal.sqlite"
    Journal(str(url))
    with sqlite3.connect(url) as db:
        db.execute("UPDATE rectune_meta SET schema = 99")
    with pytest.raises(UsageError, match="schema 99"):
        Journal(str(url))
