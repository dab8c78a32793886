"""A database that is restarted, or away for a while, ends nothing that can go on."""

import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from rectune_dsl.memory import answers
from rectune_dsl.memory import lease as leases
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease, holder
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.memory.store import StoreError
from rectune_dsl.workflow import pause
from rectune_dsl.workflow.clock import SystemClock
from rectune_dsl.workflow.pause import Pause

WORKFLOW = Path(__file__).parents[1] / "workflow"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'"


@pytest.fixture
def journal(postgresql):
    journal = Journal(postgresql())
    journal.create("a-1", "task", "simulator/feed")
    return journal


@pytest.fixture
def away(postgresql):
    """`away(seconds)`: the server is stopped now, and is back after so long; `then` is done."""
    returns = []

    def stop(seconds, then=lambda: None):
        postgresql.stop()
        back = threading.Timer(seconds, lambda: (postgresql.start(), then()))
        returns.append(back)
        back.start()

    yield stop
    for back in returns:
        back.join()


def test_connections_that_were_cut_are_made_anew(journal, postgresql):
    assert len(journal.runs()) == 1
    postgresql.ask(CUT)
    assert len(journal.runs()) == 1
    with Lease(journal.store, "a-1") as lease:
        recorder = Recorder(journal, "a-1", lease)
        postgresql.ask(CUT)
        assert recorder.act("step", int, lambda: 1) == 1


def test_a_heart_beats_on_after_a_restart(journal, away, monkeypatch):
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.2)
    with Lease(journal.store, "a-1") as lease:
        away(1.0)
        time.sleep(0.5)
        with pytest.raises(StoreError, match="refuses"):
            journal.runs()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if holder(journal.store, "a-1").silent_for < 0.5:
                    break
            except StoreError:
                time.sleep(0.1)
        assert Recorder(journal, "a-1", lease).act("step", int, lambda: 1) == 1
        assert lease._beating.is_alive()


def waiting(journal, lease, watch):
    return Pause(Recorder(journal, "a-1", lease), SystemClock(), True, watch)


def test_a_run_that_waits_bears_a_restart(journal, away, monkeypatch):
    monkeypatch.setattr(pause, "POLL", timedelta(seconds=0.1))

    def restart(event):
        away(1.0, then=lambda: answers.give(journal.store, "a-1", "step", "yes"))

    with Lease(journal.store, "a-1") as lease:
        waits = waiting(journal, lease, restart)
        given = waits.answer("step", "an answer", lambda: answers.given(journal.store, "a-1", "step"))
        assert given == "yes"
        assert waits.recorder.act("step", str, lambda: given) == "yes"


def test_a_run_does_not_wait_for_a_store_that_stays_away(journal, away, monkeypatch):
    monkeypatch.setattr(pause, "POLL", timedelta(seconds=0.1))
    monkeypatch.setattr(leases, "PATIENCE_SECONDS", 0.5)
    with Lease(journal.store, "a-1") as lease:
        waits = waiting(journal, lease, lambda event: away(2.0))
        with pytest.raises(StoreError):
            waits.answer("step", "an answer", lambda: None)


def test_a_lease_that_cannot_be_given_back_does_not_hide_what_went_wrong(journal, away):
    with pytest.raises(ZeroDivisionError), Lease(journal.store, "a-1"):
        raise ZeroDivisionError(away(0.5))


def test_reading_locks_nothing(postgresql):
    url = postgresql()
    journal = Journal(url)
    journal.create("a-1", "task", "simulator/feed")
    with Lease(journal.store, "a-1") as lease:
        name = sa.engine.make_url(url).database
        postgresql.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        reader = Journal(url)  # what would lock is refused from now on
        assert holder(reader.store, "a-1").token == lease.token
        reader.verify("a-1", lease.token)
        with pytest.raises(StoreError, match="read-only"):
            reader.append("a-1", 1, "step", "1", lease.token)
        postgresql.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = off")


def test_too_many_at_once_are_told_so(journal):
    journal.store._engine.pool._timeout = 0.1
    with pytest.raises(StoreError, match="QueuePool limit"):
        hold(journal.store, 20)


def hold(store, connections):
    if connections:
        with store.reading():
            hold(store, connections - 1)


@pytest.mark.slow
def test_a_real_run_that_stays_outlasts_a_restart(postgresql, tmp_path):
    url, task = postgresql(), tmp_path / "task.toml"
    task.write_text((WORKFLOW / "planted.toml").read_text() + '[approval]\nmode = "ask"\n')
    rectune = [sys.executable, "-m", "rectune_dsl", "--plugin", WORKFLOW / "planted.py"]
    command = [*rectune, "run", task, "--store", url]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **quiet) as process:
        asked(url, "round-1/approve")
        postgresql.stop()
        time.sleep(2.0)
        postgresql.start()
        for step in ("round-1/approve", "round-2/approve"):
            subprocess.run(
                [*rectune, "reject", asked(url, step), step, "--why", "no", "--store", url], check=True
            )
        out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "verdict: " in out


def asked(url, step):
    """The only run of a store, once it waits for the answer to a step."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        journal = Journal(url)
        for row in journal.runs():
            if journal.entry(row.run, f"{step}/approval/wait") is not None:
                return row.run
        time.sleep(0.2)
    raise AssertionError(f"{step} was not asked")
