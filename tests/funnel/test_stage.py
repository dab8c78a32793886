"""Filters, boosts, segments, curves and sources, run through whole funnels."""

import tomllib

import numpy as np
import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config, Panel
from rectune_dsl.hooks.errors import UsageError

pytestmark = pytest.mark.usefixtures("each_reader")
NAMES = ("popular", "fresh")
REST = """
[metrics]
clicks = { goal = "maximize" }
[experiment]
users_per_arm = 10
days = 1
[confirm]
users_per_arm = 10
days = 1
"""
HEAD = """
dsl = 1
[task]
name = "t"
surface = "s"
[signals]
p = {}
age = { kind = "item", domain = [0, 10] }
is_new = { kind = "user" }
"""


def _task(text):
    return Task.model_validate(tomllib.loads(HEAD + text + REST))


def _panel(requests=30, candidates=12, seed=0, stages=("first", "last")):
    rng = np.random.default_rng(seed)
    shape = (requests, candidates)
    signals = {
        "p": rng.random(shape, np.float32),
        "age": rng.integers(0, 10, shape).astype(np.float32),
        "is_new": (rng.random(requests) < 0.5).astype(np.float32),
    }
    return Panel(
        signals=dict.fromkeys(stages, signals),
        keys={
            "topic": rng.integers(0, 3, shape).astype(np.int32),
            "source": rng.integers(0, 3, shape).astype(np.int32),
        },
        items=rng.integers(0, 1000, shape),
        valid=rng.random(shape) < 0.8,
        labels={"source": (*NAMES, "other")},
    )


def _rows(slates):
    return [[c for c in row if c >= 0] for row in slates.candidates.tolist()]


def test_candidates_that_a_filter_drops_never_go_on():
    task = _task("""
    [stages.first]
    keep = 6
    score = "p"
    filters = { young = "age < w", known = "log(age)" }
    [stages.first.params]
    w = { production = 7, low = 1, high = 10 }
    [stages.last]
    keep = 4
    score = "score"
    """)
    panel = _panel()
    slates = _rows(Funnel(task).slates(panel, Config({"w": 7})))
    for r, shown in enumerate(slates):
        age, p = panel.signals["first"]["age"][r], panel.signals["first"]["p"][r]
        # log(1) is 0, log(0) is minus infinity and no reason to leave
        passing = [i for i in range(12) if panel.valid[r, i] and age[i] < 7 and age[i] != 1]
        assert shown == sorted(passing, key=lambda i: -p[i])[:4]


def test_what_is_not_a_number_fails_a_filter_and_all_may_fail():
    task = _task("""
    [stages.last]
    keep = 3
    score = "p"
    filters = { nan = "log(0 - p)" }
    """)
    slates = Funnel(task).slates(_panel(), Config({}))
    assert (slates.candidates == -1).all()
    assert np.isnan(slates.scores).all()


def test_rank_ranges_over_filtered_candidates_too():
    task = _task("""
    [stages.last]
    keep = 12
    score = "-rank(p)"
    filters = { old = "age >= 5" }
    """)
    panel = _panel()
    slates = Funnel(task).slates(panel, Config({}))
    for r, shown in enumerate(_rows(slates)):
        there = np.flatnonzero(panel.valid[r])
        p = panel.signals["last"]["p"][r]
        assert slates.scores[r, : len(shown)].tolist() == [-float((p[there] >= p[i]).sum()) for i in shown]


def test_a_filter_may_read_a_user_signal_alone():
    task = _task("""
    [stages.last]
    keep = 3
    score = "p"
    filters = { for_new = "is_new" }
    """)
    panel = _panel()
    shown = Funnel(task).slates(panel, Config({})).candidates[:, 0] >= 0
    assert (shown == (panel.signals["last"]["is_new"] == 1)).all()


def test_boosts_curves_and_segments_are_in_the_score():
    task = _task("""
    [segments.new]
    when = "is_new"
    [segments.new.params]
    u = { production = [0.0, 0.1, 0.2], low = 0.0, high = 1.0, order = "nondecreasing" }
    [stages.last]
    keep = 12
    score = "curve(p, k, u)"
    [stages.last.params]
    k = [0.0, 0.4, 1.0]
    u = { production = [0.0, 0.5, 1.0], low = 0.0, high = 1.0, order = "nondecreasing" }
    [stages.last.boosts.young]
    when = "age < 3"
    multiply = "2"
    """)
    panel = _panel()
    config = {"u[0]": 0.0, "u[1]": 0.7, "u[2]": 0.8, "new.u[0]": 0.1, "new.u[1]": 0.2, "new.u[2]": 0.9}
    slates = Funnel(task).slates(panel, Config(config))
    for r, shown in enumerate(_rows(slates)):
        signals = {name: values[r] for name, values in panel.signals["last"].items()}
        heights = [0.1, 0.2, 0.9] if signals["is_new"] else [0.0, 0.7, 0.8]
        score = np.interp(signals["p"], [0.0, 0.4, 1.0], heights) * np.where(signals["age"] < 3, 2, 1)
        assert slates.scores[r, : len(shown)] == pytest.approx(score[shown], abs=1e-6)
        assert (np.diff(score[shown]) <= 1e-6).all()


def test_a_segment_may_have_a_penalty_of_its_own():
    text = """
    [segments.new]
    when = "is_new"
    params = { penalty = 0.5 }
    [stages.last]
    keep = 6
    score = "p"
    [stages.last.params]
    penalty = { production = 0.1, low = 0.0, high = 1.0 }
    [stages.last.diversity]
    by = "topic"
    penalty = "penalty"
    """
    panel = _panel()
    slates = Funnel(_task(text)).slates(panel, Config({"penalty": 0.1})).candidates
    plain = Funnel(_task(text.replace("params = { penalty = 0.5 }", "")))
    all_new, none_new = (plain.slates(panel, Config({"penalty": v})).candidates for v in (0.5, 0.1))
    is_new = panel.signals["last"]["is_new"][:, None] == 1
    assert (slates == np.where(is_new, all_new, none_new)).all()
    assert (all_new != none_new).any()


SOURCES = """
[sources.fresh]
min = { production = 2, low = 0, high = 4 }
slots = [3]
[sources.popular]
max = 1
[stages.first]
keep = 6
score = "p"
[stages.last]
keep = 5
score = "score"
"""


@pytest.mark.parametrize("least", [0, 2, 4])
@pytest.mark.parametrize("diversity", ["", '[stages.last.diversity]\nby = "topic"\npenalty = "0.2"'])
def test_quotas_hold_on_the_slate_as_far_as_there_are_candidates(least, diversity):
    panel = _panel(60)
    slates = Funnel(_task(SOURCES + diversity)).slates(panel, Config({"fresh.min": least}))
    full = 0
    for r, shown in enumerate(_rows(slates)):
        codes = panel.keys["source"][r]
        have = int(((codes == 1) & panel.valid[r]).sum())
        assert (codes[shown] == 1).sum() >= min(least, have)
        assert (codes[shown] == 0).sum() <= 1
        if have and len(shown) >= 3:
            assert codes[shown[2]] == 1
            full += 1
    assert full > 30


def test_every_stage_passes_on_what_the_slate_needs():
    text = SOURCES.replace('keep = 6\nscore = "p"', 'keep = 3\nscore = "p - 5 * (age < 11)"')
    panel = _panel(60)
    is_fresh = (panel.keys["source"] == 1) & panel.valid
    first = panel.signals["first"]
    worst = {**first, "p": np.where(is_fresh, first["p"] - 1, first["p"])}  # the earlier stage hates them
    panel.signals["first"] = worst
    shown = Funnel(_task(text)).slates(panel, Config({"fresh.min": 2})).candidates
    fresh = (np.take_along_axis(panel.keys["source"], shown.clip(0), 1) == 1) & (shown >= 0)
    assert (fresh.sum(axis=1) == np.minimum(is_fresh.sum(axis=1), 3)).all()


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_chunks_change_no_blended_slate(chunk):
    task, panel, config = _task(SOURCES), _panel(60), Config({"fresh.min": 3})
    whole = Funnel(task).slates(panel, config)
    assert Funnel(task).slates(panel, config, chunk).candidates.tobytes() == whole.candidates.tobytes()


def test_a_source_that_no_candidate_comes_from_is_named():
    task = _task(SOURCES.replace("fresh", "frash"))
    with pytest.raises(UsageError, match="no candidates come from a source `frash`") as error:
        Funnel(task).slates(_panel(), Config({"frash.min": 1}))
    assert error.value.help == "the sources are: `popular`, `fresh`, `other`"
