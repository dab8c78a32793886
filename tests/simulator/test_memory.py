"""Memory does not follow the number of users, of an experiment or of the world."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from rectune_dsl.simulator.assignment import assign

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_million_users_need_little_more_than_a_tenth_of_them():
    command = [sys.executable, ROOT / "benchmarks" / "memory.py", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)["figures"]
    assert len(figures) == 2
    assert all(figure["ok"] for figure in figures), figures


def test_users_are_found_without_a_list_of_the_population(make_spec):
    population = 20_000_000  # 160 MB of ids
    arm = assign(make_spec(users_per_arm=2_000), population)[0]
    tracemalloc.start()
    try:
        users = arm.within(0, population).size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1_500 < users < 2_500
    assert peak < 4_000_000
