"""One process writes a run; a dead or silent one is replaced; a replaced one can write no more."""

import subprocess
import sys
import threading
import time
from dataclasses import asdict

import pytest

from rectune_dsl.memory import answers
from rectune_dsl.memory import lease as leases
from rectune_dsl.memory.journal import Journal, OrderedAlreadyError, ordering
from rectune_dsl.memory.lease import Lease, LeaseLostError, RunHeldError, holder
from rectune_dsl.memory.process import Process, is_gone, this_process
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.memory.tables import ANSWERS, LEASES

HOLD = """
import sys, time
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease
journal = Journal(sys.argv[1])
with Lease(journal.store, "a-1"):
    print("held", flush=True)
    time.sleep(60)
"""


def from_anybody(db, living):
    pass


@pytest.fixture
def journal(store_url):
    journal = Journal(store_url)
    journal.create("a-1", "task", "simulator/feed")
    return journal


@pytest.fixture
def elsewhere(store_url):
    """Another process, real and alive, that holds the lease."""
    command = [sys.executable, "-c", HOLD, store_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_holder_is_told_who_the_first_is(journal, elsewhere):
    with (
        pytest.raises(RunHeldError, match=f"process {elsewhere.pid} is working on run a-1"),
        Lease(journal.store, "a-1"),
    ):
        pass
    with pytest.raises(LeaseLostError):
        Recorder(journal, "a-1").act("step", int, lambda: 1)
    assert journal.entries("a-1") == []


def test_a_killed_holder_is_replaced_at_once(journal, elsewhere):
    elsewhere.kill()
    elsewhere.wait()
    with Lease(journal.store, "a-1") as lease:
        assert Recorder(journal, "a-1", lease).act("step", int, lambda: 1) == 1


def test_a_holder_of_another_machine_is_replaced_when_it_is_silent(journal, monkeypatch):
    far = Process("ada@far, process 1", "far", 1, "1")
    monkeypatch.setattr(leases, "this_process", lambda: far)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 1000)
    silent = Lease(journal.store, "a-1")
    silent._acquire()  # and never a beat
    monkeypatch.setattr(leases, "PATIENCE_SECONDS", 1.0)
    with pytest.raises(RunHeldError, match="ada@far"), Lease(journal.store, "a-1"):
        pass
    time.sleep(1.1)
    with Lease(journal.store, "a-1") as lease:
        recorder = Recorder(journal, "a-1", silent)
        with pytest.raises(LeaseLostError):  # it wakes up, and finds itself replaced
            recorder.act("step", int, lambda: 1)
        assert Recorder(journal, "a-1", lease).act("step", int, lambda: 2) == 2


def test_a_beating_holder_stays(journal, monkeypatch):
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.1)
    with Lease(journal.store, "a-1"):
        first = holder(journal.store, "a-1").silent_for
        time.sleep(3.0)
        assert holder(journal.store, "a-1").silent_for - first < 2.0


def test_a_lease_is_given_back_whatever_happens(journal):
    with pytest.raises(RuntimeError), Lease(journal.store, "a-1"):
        raise RuntimeError
    assert holder(journal.store, "a-1") is None
    Recorder(journal, "a-1").act("step", int, lambda: 1)


def test_what_is_seized_is_lost_to_who_had_it_before_and_after_an_act(journal):
    done = []
    with Lease(journal.store, "a-1") as first:
        recorder = Recorder(journal, "a-1", first)

        def work():
            done.append("done")
            with Lease(journal.store, "a-1", seize=from_anybody):
                pass
            return 1

        with pytest.raises(LeaseLostError):  # done, and not recorded: who comes next is to find out
            recorder.act("step", int, work)
        with pytest.raises(LeaseLostError):
            recorder.act("next", int, lambda: done.append("again"))
        with pytest.raises(LeaseLostError):
            recorder.verify()
    assert done == ["done"]
    assert [e.key for e in journal.entries("a-1")] == ["attempt:1:step"]


def test_a_process_is_gone_only_where_that_is_sure():
    me = this_process()
    assert not is_gone(me)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert is_gone(Process("x", me.machine, ended.pid, "1"))
    assert is_gone(Process("x", me.machine, me.process, "another birth"))
    assert not is_gone(Process("x", "another machine", ended.pid, "1"))


def test_who_seizes_is_told_whom_it_overtook_while_he_lives(journal, elsewhere):
    told = []
    for _ in range(2):
        with Lease(journal.store, "a-1", seize=lambda db, living: told.append(living)):
            pass
    assert told[0].process == elsewhere.pid
    assert told[1] is None


def test_who_may_not_seize_leaves_all_as_it_was(journal, elsewhere):
    def seize(db, living):
        db.execute(ANSWERS.insert().values(run="a-1", step="step", at="now", body="{}"))
        raise RunHeldError("not from him")

    with pytest.raises(RunHeldError, match="not from him"), Lease(journal.store, "a-1", seize=seize):
        pass
    assert holder(journal.store, "a-1").process.process == elsewhere.pid
    assert answers.given(journal.store, "a-1", "step") is None


def test_an_order_is_given_once_and_taken_up_by_others_once_nobody_does_it(journal, elsewhere):
    def order(by):
        return ordering("a-1", "order", lambda living: f'"{by}, from {living and living.process}"')

    with Lease(journal.store, "a-1", seize=order("ada")) as lease:
        with pytest.raises(OrderedAlreadyError), Lease(journal.store, "a-1", seize=order("bob")):
            pass
        Recorder(journal, "a-1", lease).act("order/done", int, lambda: 1)
    with Lease(journal.store, "a-1", seize=order("bob")) as lease:
        said = Recorder(journal, "a-1", lease).recall("order", str)
        assert said == f"ada, from {elsewhere.pid}"
    assert [e.key for e in journal.entries("a-1")] == [
        "attempt:1:order",
        "order",
        "attempt:2:order/done",
        "order/done",
    ]


def test_of_orders_at_the_same_moment_one_is_given(journal):
    begin, told = threading.Barrier(6), []

    def give(by):
        begin.wait(20)
        try:
            with Lease(journal.store, "a-1", seize=ordering("a-1", "order", lambda living: f'"{by}"')):
                told.append(by)
                done.wait(20)
        except OrderedAlreadyError:
            refused.release()

    done, refused = threading.Event(), threading.Semaphore(0)
    many = [threading.Thread(target=give, args=(by,)) for by in "abcdef"]
    for one in many:
        one.start()
    for _ in range(5):
        assert refused.acquire(timeout=20)
    done.set()
    for one in many:
        one.join(20)
    assert [Recorder(journal, "a-1").recall("order", str)] == told


def test_a_lease_is_seized_from_one_that_takes_it_at_the_same_moment(journal):
    row = {"token": "other", "beat": journal.store.now(), **asdict(this_process())}
    seizing = Lease(journal.store, "a-1", seize=from_anybody)
    thread = threading.Thread(target=seizing._acquire)
    with journal.store.writing() as db:
        db.execute(LEASES.insert().values(run="a-1", **row))
        thread.start()
        time.sleep(0.5)  # by now it has seen no lease, and waits to insert its own
    thread.join(timeout=20)
    assert holder(journal.store, "a-1").token == seizing.token
