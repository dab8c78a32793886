"""A sample of the study of `kill -9` at random moments: ten on each kind of store."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_ten_kills_lose_nothing_and_launch_nothing_twice(store):
    command = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), "--json", "--kills", "10"]
    done = subprocess.run([*command, "--stores", store], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {f["name"]: f["value"] for f in json.loads(done.stdout)["figures"]}
    assert figures[f"{store}: kills"] >= 10
    for what in ("experiments launched twice", "experiments lost", "journals that tell another story"):
        assert figures[f"{store}: {what}"] == 0
