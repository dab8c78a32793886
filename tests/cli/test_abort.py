"""An abort ends a run whatever stands against it, undoes what comes late, and is finished if interrupted."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

WORKFLOW = Path(__file__).parents[1] / "workflow"
PLANTED = ("--plugin", WORKFLOW / "planted.py")
TASK = (WORKFLOW / "planted.toml").read_text()
STORE = ".rectune/journal.sqlite"
PRODUCTION = {"a": 0.4, "b": 0.4}


@pytest.fixture
def task(tmp_path, platform):
    """A task whose runs wait for real days."""
    platform(virtual_time=False)
    file = tmp_path / "task.toml"
    file.write_text(TASK)
    return file


@pytest.fixture
def asking(tmp_path, platform):
    """A task that asks before each launch."""
    platform()
    file = tmp_path / "task.toml"
    file.write_text(TASK + '[approval]\nmode = "ask"\n')
    return file


def acts(tmp_path):
    """What the platform was asked, in order: the names of the calls."""
    return [call[0] for call in calls(tmp_path)]


def calls(tmp_path):
    return [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]


def status(rectune):
    return json.loads(rectune("status", "last", "--json").out)


# --- who is overtaken in the middle of an act --------------------------------------------------------

MEANWHILE = """
import json, os, subprocess, sys, time
from rectune_dsl.hooks.api import BackendError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host

def done():
    journal = Journal("{store}")
    return [entry.key for entry in journal.entries(journal.find("last").run)]

def rectune_abort():
    words = ["--plugin", {planted!r}, "abort", "last", "--by", "somebody", "--why", "an incident"]
    with open("aborted.txt", "w") as said:
        subprocess.Popen([sys.executable, "-m", "rectune_dsl", *words], stdout=said, stderr=said)
    while not any(key.startswith("abort/") for key in done()):
        time.sleep(0.05)

_backend = Host.backend

def backend(self, name):
    made = _backend(self, name)
    def make(context):
        found = made(context)
        act = getattr(found, "{at}")
        def meanwhile(*told):
            if "MEANWHILE" in os.environ:
                return act(*told)
            os.environ["MEANWHILE"] = "1"  # once; the run remembers this plugin, so that an abort has it, too
            rectune_abort()
            act(*told)
            {then}
        found.{at} = meanwhile
        return found
    return make

Host.backend = backend
"""


UNDO = {"start": lambda call: call[0] == "stop", "deliver": lambda call: call == ["deliver", PRODUCTION]}
"""Which calls undo an act: what was delivered is taken back by a delivery of what was there before."""


@pytest.fixture
def overtaken(tmp_path, platform, environment):
    """Runs a campaign that is aborted from elsewhere in the middle of `act`, and does `then`. Its process,
    and, once the abort is finished, whether the calls before and those after that act undo it."""
    platform()
    (tmp_path / "task.toml").write_text(TASK)

    def run(act, then):
        plugin = MEANWHILE.format(store=STORE, planted=str(PLANTED[1]), at=act, then=then)
        (tmp_path / "meanwhile.py").write_text(plugin)
        command = [
            sys.executable,
            "-m",
            "rectune_dsl",
            *PLANTED,
            "--plugin",
            "meanwhile.py",
            "run",
            "task.toml",
        ]
        told = {**environment, "PLANTED": os.environ["PLANTED"]}
        ended = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True)
        journal = Journal(str(tmp_path / STORE))
        until = time.monotonic() + 120
        while journal.entry(journal.find("last").run, "aborted") is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        done = calls(tmp_path)
        undone = list(map(UNDO[act], done))
        late = max(i for i, call in enumerate(done) if call[0] == act and not undone[i])
        return ended, undone[:late], undone[late + 1 :]

    return run


@pytest.mark.parametrize("act", UNDO)
@pytest.mark.parametrize("then", ["pass", "raise BackendError('timed out')"])
def test_who_is_overtaken_by_an_abort_undoes_what_he_did_meanwhile(overtaken, act, then):
    ended, before, after = overtaken(act, then)
    assert ended.returncode == 2
    assert "was aborted by somebody" in ended.stderr
    assert any(before)  # the abort had done so, too early
    assert after.count(True) >= 2  # he himself, and the abort once he had gone


@pytest.mark.parametrize("act", UNDO)
def test_what_he_who_dies_of_it_did_is_undone_by_the_abort(overtaken, tmp_path, act):
    ended, _, after = overtaken(act, "os._exit(9)")
    assert ended.returncode == 9
    assert after[-1]
    assert "was at work" in (tmp_path / "aborted.txt").read_text()


# --- an abort that is interrupted --------------------------------------------------------------------


def test_an_abort_that_failed_is_told_of_and_finished_by_tick(rectune, task, tmp_path, platform):
    rectune(*PLANTED, "run", task, "--until", "waiting")
    platform(virtual_time=False, refuse=True)
    failed = rectune(*PLANTED, "abort", "last", "--by", "ada", "--why", "an incident")
    assert failed.code == 3
    assert "the platform refuses" in failed.err
    now = status(rectune)
    assert (now["over"], now["aborted"], now["abort"]["by"]) == (False, None, "ada")
    assert "not finished" in rectune("status", "last").out
    assert "abort unfinished" in rectune("ls").out
    ticked = rectune(*PLANTED, "tick")
    assert ticked.code == 3
    assert "the platform refuses" in ticked.err
    assert "stop" not in acts(tmp_path)
    platform(virtual_time=False)
    ticked = rectune(*PLANTED, "tick")
    assert ticked.code == 0
    assert "aborted; stopped: round-1/experiment" in ticked.out
    assert acts(tmp_path)[-1] == "stop"
    assert status(rectune)["over"]
    assert rectune(*PLANTED, "tick").out == ""


def test_an_aborted_run_asks_and_waits_for_nothing(rectune, asking):
    rectune(*PLANTED, "run", asking, "--until", "waiting")
    assert status(rectune)["waits_for"] is not None
    rectune(*PLANTED, "abort", "last", "--why", "enough")
    now = status(rectune)
    assert (now["asks"], now["waits_for"], now["answer"]) == (None, None, None)
    assert now["aborted"] == {"stopped": [], "rolled_back": False, "kept": ""}


# --- two aborts at once ------------------------------------------------------------------------------

SLOW = """
import os, time
from pathlib import Path
from rectune_dsl.plugins.host import Host

_backend = Host.backend

def backend(self, name):
    made = _backend(self, name)
    def make(context):
        found = made(context)
        stop = found.stop
        def slowly(*told):
            Path("stopping").touch()
            while "SLOW" in os.environ and not Path("go").exists():
                time.sleep(0.02)
            stop(*told)
        found.stop = slowly
        return found
    return make

Host.backend = backend
"""


@pytest.fixture
def aborting(rectune, task, tmp_path, environment):
    """A process that aborts a run, and is at it until there is a file `go`."""
    rectune(*PLANTED, "run", task, "--until", "waiting")
    (tmp_path / "slow.py").write_text(SLOW)
    words = ("--plugin", "slow.py", "abort", "last", "--by", "ada", "--why", "an incident")
    with subprocess.Popen(
        [sys.executable, "-m", "rectune_dsl", *PLANTED, *words],
        cwd=tmp_path,
        env={**environment, "PLANTED": os.environ["PLANTED"], "SLOW": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + 60
        while not (tmp_path / "stopping").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
        process.kill()


def test_who_comes_second_is_told_of_the_first_and_stops_nothing(rectune, aborting, tmp_path):
    second = rectune(*PLANTED, "abort", "last", "--by", "bob", "--why", "harm")
    assert second.code == 2
    assert "is being aborted already, by ada at 20" in second.err
    assert "UTC: an incident" in second.err
    assert f"process {aborting.pid} is at it" in second.err
    assert "stop" not in acts(tmp_path)
    (tmp_path / "go").touch()
    assert "is aborted; stopped: round-1/experiment" in aborting.communicate(timeout=60)[0]
    assert acts(tmp_path).count("stop") == 1
    third = rectune(*PLANTED, "abort", "last", "--by", "bob", "--why", "harm")
    assert (third.code, acts(tmp_path).count("stop")) == (0, 1)
    assert "was aborted by ada" in third.out
    assert status(rectune)["abort"]["why"] == "an incident"


@pytest.mark.parametrize("words", [("abort", "last", "--by", "bob", "--why", "harm"), ("tick", "last")])
def test_an_abort_whose_process_died_is_finished_by_the_next(rectune, aborting, tmp_path, words):
    aborting.kill()
    aborting.wait()
    assert not status(rectune)["over"]
    assert rectune(*PLANTED, *words).code == 0
    assert acts(tmp_path).count("stop") == 1
    now = status(rectune)
    assert (now["over"], now["abort"]["by"], now["abort"]["why"]) == (True, "ada", "an incident")


# --- what does not stand in its way ------------------------------------------------------------------


def test_a_backend_that_is_not_ready_is_warned_of(rectune, task, tmp_path, platform):
    rectune(*PLANTED, "run", task, "--until", "waiting")
    platform(virtual_time=False, problems=["no credentials for the warehouse"])
    assert rectune(*PLANTED, "resume", "last").code == 2
    done = rectune(*PLANTED, "abort", "last", "--why", "an incident")
    assert (done.code, acts(tmp_path)[-1]) == (0, "stop")
    assert "warning: backend 'planted' is not ready: no credentials" in done.err


def test_a_backend_that_lacks_what_the_task_needs_is_stopped(rectune, task, tmp_path, platform):
    rectune(*PLANTED, "run", task, "--until", "waiting")
    platform(virtual_time=False, signals=["p"])
    assert "does not provide signal `q`" in rectune(*PLANTED, "resume", "last").err
    assert rectune(*PLANTED, "abort", "last", "--why", "an incident").code == 0
    assert acts(tmp_path)[-1] == "stop"


FUNCTION = """
from rectune_dsl.hooks.specs import hookimpl
from rectune_dsl.hooks.api import FormulaFunction

@hookimpl
def rectune_register_functions(register):
    register("twice", FormulaFunction("twice", 1, lambda x: x * 2, "2 x", monotone=("nondecreasing",)))
"""


def test_a_task_that_is_wrong_by_now_is_warned_of(rectune, task, tmp_path):
    (tmp_path / "mine.py").write_text(FUNCTION)
    task.write_text(TASK.replace("a * p", "a * twice(p)"))
    rectune(*PLANTED, "--plugin", "mine.py", "run", task, "--until", "waiting")
    (tmp_path / "mine.py").unlink()
    assert "twice" in rectune(*PLANTED, "resume", "last").err
    done = rectune(*PLANTED, "abort", "last", "--why", "an incident")
    assert (done.code, acts(tmp_path)[-1]) == (0, "stop")
    assert "could not be launched today" in done.err
