"""The benchmark of replayed configs compares the same work, and says what it found in the form of all."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

import replay


@pytest.fixture(scope="module")
def cases():
    return {case.name: case for case in replay._cases()}


def test_configs_that_are_alike_in_a_stage_differ_behind_it(cases):
    alike = cases["24 params, alike in pre_ranking"]
    found = [config.values for config in alike.configs(0, 20)]
    upstream = [*alike.task.stages["pre_ranking"].tunable, "pre_ranking.keep"]
    assert len({tuple(values[name] for name in upstream) for values in found}) == 1
    assert len({tuple(values.values()) for values in found}) == 20
    assert len(found[0]) == replay.PARAMS


def test_its_figures_have_names_of_their_own_and_goals(cases, monkeypatch, capsys):
    monkeypatch.setattr(replay, "_cases", lambda: [next(iter(cases.values()))])
    monkeypatch.setattr(replay, "ROUNDS", 1)
    monkeypatch.setattr(replay.cores, "several", lambda: False)
    monkeypatch.setattr(sys, "argv", ["replay.py", "--json", "--quick", "--seeds", "1"])
    replay.main()
    found = json.loads(capsys.readouterr().out)
    assert found["setup"]["requests"] == replay.REQUESTS
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert len(figures) == len(found["figures"]) == 5
    assert figures["value_fusion.toml, 5 params, WhatIf"]["goal"] == ">= 2,000"
    assert all(figure["value"] > 0 and figure["unit"] for figure in figures.values())
