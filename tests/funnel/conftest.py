"""A small task and panels for it."""

import tomllib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.hooks.api import Panel

TASK = """
dsl = 1
[task]
name = "t"
surface = "s"
[signals]
p_click = {}
p_hate = { stages = ["ranking"] }
bait = { kind = "item" }
is_new = { kind = "user" }
[stages.pre_ranking]
keep = 6
score = "p_click"
[stages.ranking]
keep = { production = 4, low = 3, high = 6 }
terms = { both = "twice - 1", twice = "2 * p_click" }
score = "both - where(is_new, w_new, w) * p_hate"
[stages.ranking.params]
w = { production = 1.0, low = 0.0, high = 5.0 }
w_new = 2.0
[stages.re_ranking]
keep = 3
score = "score - 0.1 * bait"
[stages.re_ranking.params]
penalty = { production = 0.2, low = 0.0, high = 1.0 }
[stages.re_ranking.diversity]
by = "topic"
penalty = "penalty"
max_per_key = 2
[metrics]
clicks = { goal = "maximize" }
[experiment]
users_per_arm = 10
days = 1
[confirm]
users_per_arm = 10
days = 1
"""


@pytest.fixture(scope="module", params=["numpy", "numba"])
def each_reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """The tests of a module, once for each reader of formulas."""
    if request.param == "numba":
        pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, request.param)
        yield


@pytest.fixture(scope="session")
def task() -> Task:
    return Task.model_validate(tomllib.loads(TASK))


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., Panel]:
    def make(requests: int = 40, candidates: int = 10, seed: int = 0, valid: bool = False) -> Panel:
        rng = np.random.default_rng(seed)
        shape = (requests, candidates)

        def column() -> np.ndarray:
            # few levels, so that ties are common
            return (rng.integers(0, 8, shape) / 8).astype(np.float32)

        stages = {
            "pre_ranking": {"p_click": column(), "bait": column()},
            "ranking": {"p_click": column(), "p_hate": column()},
            "re_ranking": {"p_click": column(), "bait": column()},
        }
        for signals in stages.values():
            signals["is_new"] = (rng.random(requests) < 0.5).astype(np.float32)
        return Panel(
            signals=stages,
            keys={"topic": rng.integers(0, 3, shape).astype(np.int32)},
            items=rng.integers(0, 1000, shape),
            valid=rng.random(shape) < 0.6 if valid else None,
        )

    return make
