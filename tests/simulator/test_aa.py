"""A/A tests: a small study of what `benchmarks/aa.py` does at length."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("benchmark_of_aa", ROOT / "benchmarks" / "aa.py")
aa = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = aa
_SPEC.loader.exec_module(aa)

EXPERIMENTS = 60
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small():
    return aa.study(EXPERIMENTS, [0])


def test_p_values_are_uniform_and_intervals_cover(small):
    for at, metric in enumerate(small.metrics):
        p_values = small.p_values[:, at]
        assert kstest(p_values[~np.isnan(p_values)], "uniform").pvalue > 0.001, metric
    assert 0.93 < np.nanmean(small.covered) < 0.97
    assert (small.srm < 0.001).sum() <= 1


def test_every_response_has_events_enough(small):
    assert small.events >= 200


def test_an_experiment_is_the_same_whoever_runs_it(small):
    again = aa.outcome((0, 5))
    assert again.p_values == tuple(small.p_values[5])
    assert aa.outcome((1, 5)).p_values != again.p_values


def test_a_study_says_when_tests_are_wrong(small):
    good = np.linspace(0, 1, 400)
    fine = aa.Study(("watch_minutes",), good[:, None], (good > 0.05)[:, None] * 1.0, good, 200)
    assert all(figure["ok"] for figure in fine.figures())
    bold = aa.Study(("watch_minutes",), good[:, None] ** 2, (good > 0.2)[:, None] * 1.0, good**4, 200)
    assert [figure["ok"] for figure in bold.figures()] == [False, False, True, False, False, True]
