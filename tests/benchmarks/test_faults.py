"""What the study of kills counts is what its platform was asked for."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

from faults import EXPERIMENTS, Toll
from kills.platform import Platform


@pytest.fixture
def platform():
    with Platform() as running:
        yield running


def _ask(platform, what, **told):
    request = urllib.request.Request(f"{platform.address}/{what}", json.dumps(told).encode())
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return json.load(answer)


def _launch(platform, key, step, stop=True):
    experiment = _ask(platform, "create", key=key, step=step)
    _ask(platform, "start", experiment=experiment)
    if stop:
        _ask(platform, "stop", experiment=experiment)


def test_a_rollback_undoes_the_last_delivery_and_no_more(platform):
    for a in (1.0, 2.0, 2.0):
        _ask(platform, "deliver", config={"a": a})
    for _ in range(2):
        _ask(platform, "rollback")
        assert platform.ledger.delivered == [{"a": 1.0}]
    _ask(platform, "deliver", config={"a": 3.0})
    assert platform.ledger.delivered == [{"a": 1.0}, {"a": 3.0}]


def test_an_experiment_launched_twice_does_not_make_up_for_a_lost_one(platform):
    for key, step in enumerate(["first", "first", *(f"step-{i}" for i in range(EXPERIMENTS - 2))]):
        _launch(platform, str(key), step)
    _launch(platform, "running", "last", stop=False)
    toll = Toll()
    toll.hold_to_account(platform.ledger)
    assert (toll.twice, toll.lost, toll.asked_again) == (1, 1, 0)


def test_one_more_step_than_there_should_be_is_no_negative_loss(platform):
    for step in range(EXPERIMENTS + 1):
        _launch(platform, str(step), f"step-{step}")
    _launch(platform, "0", "step-0")
    toll = Toll()
    toll.hold_to_account(platform.ledger)
    assert (toll.lost, toll.twice, toll.asked_again) == (0, 0, 1)
