"""Many runners on one store at once: nothing is lost, and nothing is mixed up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

WORKFLOW = Path(__file__).parents[1] / "workflow"
TASK, PLUGIN = WORKFLOW / "planted.toml", WORKFLOW / "planted.py"
RUNNERS = 10


@pytest.fixture
def together(tmp_path):
    """`together((folder, words), ...)` runs the command line in processes of their own, all at once."""
    environment = {**os.environ, "PLANTED": json.dumps({"log": str(tmp_path / "calls.jsonl")})}

    def run(*jobs):
        for folder, _ in jobs:
            (tmp_path / folder).mkdir()
        words = [(str(tmp_path / folder), ["--plugin", str(PLUGIN), *map(str, w)]) for folder, w in jobs]
        command = [sys.executable, str(WORKFLOW / "forked.py"), json.dumps(words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run


def story(journal, run):
    """What a run did, without its id, times and attempts."""
    entries = [e for e in journal.entries(run) if not e.is_attempt]
    assert [e.seq for e in journal.entries(run)] == list(range(1, len(journal.entries(run)) + 1))
    return [(e.key, e.body.replace(run, "RUN")) for e in entries]


@pytest.mark.slow
def test_ten_runners_at_once_write_what_each_writes_alone(together, store_url, tmp_path):
    together(
        *(  # with skills of its own each
            (f"runner-{seed}", ["run", TASK, "--seed", seed, "--store", store_url]) for seed in range(RUNNERS)
        )
    )
    of_all = Journal(store_url)
    runs = [row.run for row in of_all.runs()]
    assert len(runs) == RUNNERS
    by_seed = {json.loads(of_all.entries(run)[0].body)["seed"]: run for run in runs}
    assert sorted(by_seed) == list(range(RUNNERS))
    claims = sorted(json.loads(dict(story(of_all, run)).get("confirm/claim", "0")) for run in runs)
    confirmed = [number for number in claims if number]
    assert confirmed == list(range(1, len(confirmed) + 1))  # of one surface, each counted once

    seed = 3  # and one of them alone, up to where the count of the surface's confirmations matters
    alone = str(tmp_path / "alone.sqlite")
    together(("alone", ["run", TASK, "--seed", seed, "--store", alone]))
    journal = Journal(alone)
    rounds = [entry for entry in story(journal, journal.runs()[0].run) if entry[0].startswith("round-1/")]
    assert rounds
    assert set(rounds) <= set(story(of_all, by_seed[seed]))
