"""Many runners on one store at once: nothing is lost, and nothing is mixed up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

ROOT = Path(__file__).parents[2]
TASK = ROOT / "tests" / "workflow" / "planted.toml"
PLUGIN = ROOT / "tests" / "workflow" / "planted.py"
RUNNERS = 10


@pytest.fixture
def start(tmp_path):
    environment = {**os.environ, "PLANTED": json.dumps({"log": str(tmp_path / "calls.jsonl")})}

    def rectune(*words, folder="."):
        (tmp_path / folder).mkdir(exist_ok=True)
        command = [sys.executable, "-m", "rectune_dsl", "--plugin", str(PLUGIN), *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=tmp_path / folder, env=environment, **pipes)

    return rectune


def story(journal, run):
    """What a run did, without its id, times and attempts."""
    entries = [e for e in journal.entries(run) if not e.is_attempt]
    assert [e.seq for e in journal.entries(run)] == list(range(1, len(journal.entries(run)) + 1))
    return [(e.key, e.body.replace(run, "RUN")) for e in entries]


def test_ten_runners_at_once_write_what_each_writes_alone(start, store_url, tmp_path):
    processes = [
        start("run", TASK, "--seed", seed, "--store", store_url, folder=f"runner-{seed}")  # skills of its own
        for seed in range(RUNNERS)
    ]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    together = Journal(store_url)
    runs = [row.run for row in together.runs()]
    assert len(runs) == RUNNERS
    by_seed = {json.loads(together.entries(run)[0].body)["seed"]: run for run in runs}
    assert sorted(by_seed) == list(range(RUNNERS))
    claims = sorted(json.loads(dict(story(together, run)).get("confirm/claim", "0")) for run in runs)
    confirmed = [number for number in claims if number]
    assert confirmed == list(range(1, len(confirmed) + 1))  # of one surface, each counted once

    seed = 3  # and one of them alone, up to where the count of the surface's confirmations matters
    alone = str(tmp_path / "alone.sqlite")
    assert start("run", TASK, "--seed", seed, "--store", alone, folder="alone").wait() == 0
    journal = Journal(alone)
    rounds = [entry for entry in story(journal, journal.runs()[0].run) if entry[0].startswith("round-1/")]
    assert rounds
    assert set(rounds) <= set(story(together, by_seed[seed]))
