"""The journal keeps everything, in order, and lets one process write a run."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.prepare import setbacks


@pytest.fixture
def journal(store_url):
    journal = Journal(store_url)
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


def test_confirmations_claimed_at_once_are_all_different(store_url):
    Journal(store_url)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda i: Journal(store_url).claim_confirmation("s", f"run-{i}"), range(16)))
    assert sorted(numbers) == list(range(1, 17))


def test_a_run_is_found_by_the_beginning_of_its_id(journal):
    journal.create("a-2", "task", "simulator/feed")
    assert journal.find("a-1").run == "a-1"
    assert journal.find("last").run == "a-2"
    with pytest.raises(UsageError, match="more than one"):
        journal.find("a-")
    with pytest.raises(UsageError, match="no run"):
        journal.find("b")
