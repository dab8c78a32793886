"""`kill -9` in any act loses nothing: the journal ends up as that of a run that was never killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

HERE = Path(__file__).parent
PLANTED = ["--plugin", str(HERE / "planted.py")]


def heed_interrupts():
    """A test run in the background is deaf to Ctrl-C, and so would be what it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def shell(tmp_path):
    """Runs a command in an empty folder, with the calls to the platform logged there."""
    environment = {**os.environ, "PLANTED": json.dumps({"log": str(tmp_path / "calls.jsonl")})}

    def run(*command, code=0):
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            preexec_fn=heed_interrupts,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    return run


def story(store):
    """What a store's only run did: keys and bodies, without run id, times and attempts."""
    journal = Journal(str(store))
    [row] = journal.runs()
    entries = [e for e in journal.entries(row.run) if not e.is_attempt]
    return [(e.key, e.body.replace(row.run, "RUN")) for e in entries]


def test_killed_in_every_act_it_tells_the_same_story(shell, tmp_path):
    task = HERE / "planted.toml"
    shell("-m", "rectune_dsl", *PLANTED, "run", task, "--store", "whole.sqlite")
    (tmp_path / "calls.jsonl").unlink()
    forget(tmp_path)
    killed = shell(HERE / "kill_chain.py", "killed.sqlite", task, HERE / "planted.py")
    whole = story(tmp_path / "whole.sqlite")
    assert int(killed.split()[-1]) == len(whole) - 2  # the first entry comes with the run
    assert story(tmp_path / "killed.sqlite") == whole

    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    created = [call[1] for call in calls if call[0] == "create"]
    assert len(created) > len(set(created)) == 3  # asked again after each kill, launched once


def forget(folder):
    """What a run has learnt: the next one would begin with it."""
    shutil.rmtree(folder / ".rectune")


TABLES = """
[ramp]
steps = [0.05, 0.5]
[freeze]
sale = { first = 2026-01-08, last = 2026-01-12 }
[exclusion]
layer = "feed"
share = [0.25, 0.75]
[limits]
users_per_day = 160_000
"""


@pytest.mark.slow
def test_killed_in_every_act_within_limits_it_shows_the_same(shell, tmp_path):
    task = tmp_path / "limited.toml"
    task.write_text((HERE / "planted.toml").read_text() + TABLES)
    shell("-m", "rectune_dsl", *PLANTED, "run", task, "--store", "whole.sqlite")
    forget(tmp_path)
    killed = shell(HERE / "kill_chain.py", "killed.sqlite", task, HERE / "planted.py")
    assert int(killed.split()[-1]) > 50

    def shown(store):
        return shell("-m", "rectune_dsl", *PLANTED, "show", "last", "--json", "--store", store)

    assert shown("killed.sqlite") == shown("whole.sqlite")
    assert story(tmp_path / "killed.sqlite") == story(tmp_path / "whole.sqlite")


def test_ctrl_c_ends_a_run_cleanly_and_resume_goes_on(shell, tmp_path):
    task = HERE / "planted.toml"
    (tmp_path / "interrupt.py").write_text(
        "from rectune_dsl.hooks.specs import hookimpl\n"
        "@hookimpl\n"
        "def rectune_round_finished(run, result):\n"
        "    import os, pathlib, signal\n"
        "    if not pathlib.Path('interrupted').exists():\n"
        "        pathlib.Path('interrupted').touch()\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
    )
    plugins = [*PLANTED, "--plugin", "interrupt.py"]
    out = shell("-m", "rectune_dsl", *plugins, "run", task, "--store", "cut.sqlite", code=130)
    assert "rectune resume planted-" in out
    shell("-m", "rectune_dsl", *plugins, "resume", "last", "--store", "cut.sqlite")
    forget(tmp_path)
    shell("-m", "rectune_dsl", *plugins[:2], "run", task, "--store", "whole.sqlite")
    cut, whole = story(tmp_path / "cut.sqlite"), story(tmp_path / "whole.sqlite")
    assert cut[1:] == whole[1:]  # the headers differ in the plugins
