"""Heads and log-odds: the kernel makes what NumPy makes, in any order and for any candidates."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.funnel import choice
from rectune_dsl.simulator.occasion import Places, occasion_of
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.scores import PlainScores, scores_of

ULPS = 8
"""Units in the last place of float32, between two heads: NumPy's exponential may be off by 4, the kernel's
by 1, and each sigmoid rounds twice."""
SMALLEST = 2.0**-126


@pytest.fixture(scope="module")
def both(world):
    compiled = pytest.importorskip("rectune_dsl.simulator.compiled.scores")

    def make(requests, traffic):
        occasion = occasion_of(world, world.users(np.arange(requests, dtype=np.int64)), traffic, 2)
        return PlainScores(occasion, Places(occasion)), compiled.CompiledScores(occasion)

    return make


@given(
    requests=st.integers(0, 40),
    kept=st.none() | st.integers(0, 80),
    stage=st.sampled_from(["pre_ranking", "ranking"]),
    traffic=st.integers(0, 1000),
    data=st.data(),
)
def test_the_kernel_makes_what_numpy_makes(both, world, requests, kept, stage, traffic, data):
    names = data.draw(st.lists(st.sampled_from(list(world.file.responses)), unique=True))
    shape = (requests, 0 if kept is None else kept)
    alive = None if kept is None else np.random.default_rng(traffic).integers(0, 80, shape)
    plain, kernel = both(requests, traffic)
    truth, same = plain.log_odds(names, alive), kernel.log_odds(names, alive)
    said, close = plain.predictions(stage, names, alive), kernel.predictions(stage, names, alive)
    for name in names:
        assert same[name].shape == truth[name].shape
        assert same[name].tobytes() == truth[name].tobytes()
        assert close[name].shape == said[name].shape
        off = np.abs(close[name].astype(np.float64) - said[name])
        assert (off <= ULPS * np.spacing(said[name]) + SMALLEST).all()
    assert set(same) == set(close) == set(names)


@given(xs=st.lists(st.floats(-200, 200, width=32), min_size=1, max_size=40))
def test_the_kernels_sigmoid_is_right_to_two_units_in_the_last_place(xs):
    kernel = pytest.importorskip("rectune_dsl.simulator.compiled.kernel")
    x = np.array(xs, np.float32)
    true = 1 / (1 + np.exp(-x.astype(np.float64)))
    found = x.copy()
    nothing = np.zeros_like(x)
    kernel._see(nothing, nothing, np.array([1, 0, 0, 0], np.float32), found)
    assert (np.abs(found - true) <= 2 * np.spacing(true.astype(np.float32)) + 2 * SMALLEST).all()


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_some_candidates_look_as_they_do_among_all(world, monkeypatch, kernel):
    pytest.importorskip("numba")
    monkeypatch.setenv(choice.VARIABLE, kernel)
    names = tuple(world.heads)
    alive = np.random.default_rng(0).integers(0, 80, (200, 13))
    for first in (None, alive):
        requests = Requests(world, world.users(np.arange(200, dtype=np.int64)), 3, 1)
        requests.signals("pre_ranking", names, first)
        part, whole = (requests.signals("ranking", names, a) for a in (alive, None))
        for name in names:
            assert part[name].tobytes() == np.take_along_axis(whole[name], alive, axis=1).tobytes()


def test_the_environment_chooses_and_nothing_imports_numba_before(world, monkeypatch):
    occasion = occasion_of(world, world.users(np.arange(3, dtype=np.int64)), 1, 1)
    monkeypatch.setenv(choice.VARIABLE, "numpy")
    assert isinstance(scores_of(occasion, Places(occasion)), PlainScores)
    script = "import sys, rectune_dsl.simulator.requests; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
