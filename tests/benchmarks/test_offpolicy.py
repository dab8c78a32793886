"""The study of off-policy estimates knows the truth of its worlds, and answers in the form of all."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

import offpolicy


def test_the_true_lift_of_rows_is_what_serving_the_arms_would_show():
    generator, levels = np.random.default_rng(1), []
    for w in (0.0, offpolicy.ARM):
        policy = np.exp(w * np.arange(offpolicy.ITEMS))
        item = generator.choice(offpolicy.ITEMS, 400_000, p=policy / policy.sum())
        levels.append(np.mean(generator.random(400_000) < offpolicy.WORTH[item]))
    for study in offpolicy._rows_studies():
        assert study.lift == pytest.approx(levels[1] / levels[0] - 1, abs=0.01)


def test_slates_are_logged_with_the_propensities_that_they_have():
    rows = offpolicy.slates_log(3, outshone=False)
    seen = {}
    for row in rows:
        seen[row["item"], row["position"]] = seen.get((row["item"], row["position"]), 0) + 1
    for (item, position), count in seen.items():
        own = offpolicy.AT[item, position - 1]
        assert count / offpolicy.SLATES == pytest.approx(own, abs=4 * np.sqrt(own / offpolicy.SLATES))
    assert sum(offpolicy.CHANCES) == pytest.approx(1)


def test_its_figures_have_names_of_their_own_and_goals(monkeypatch, capsys):
    monkeypatch.setattr(offpolicy, "QUICK_SEEDS", 3)
    monkeypatch.setattr(offpolicy, "_rows_studies", lambda: [])
    monkeypatch.setattr(sys, "argv", ["offpolicy.py", "--json", "--quick"])
    offpolicy.main()
    found = json.loads(capsys.readouterr().out)
    assert found["setup"]["seeds"] == 3
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert len(figures) == len(found["figures"]) == 18
    assert figures["slates, position-based, standard: error beside standard"]["value"] == 1.0
    assert figures["slates, outshone, item-position: bias"]["goal"] == "none"
