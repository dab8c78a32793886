"""What configs would show: against sums over single slates, whatever the threads, blocks and the company."""

from collections import Counter
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.space import Space
from rectune_dsl.dsl.stages import CandidateSource
from rectune_dsl.funnel import whatif
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.funnel.features import SlateFeatures, overlap
from rectune_dsl.funnel.redundant import EXPLAINED, independent
from rectune_dsl.funnel.replay import Replay
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import Config, Panel
from rectune_dsl.testing import strategies

LAST = {"p_click": "re_ranking", "p_hate": "ranking", "bait": "re_ranking"}


@pytest.fixture
def odd_panel(make_panel):
    """Few valid candidates, an empty request, and undefined signals."""
    panel = make_panel(40, valid=True, seed=3)
    panel.valid[::7] = False
    panel.signals["re_ranking"]["bait"][:, ::3] = np.nan
    panel.signals["ranking"]["p_hate"][::5] = np.nan
    return panel


def _blended(task, panel):
    codes = np.random.default_rng(5).integers(0, 3, panel.items.shape).astype(np.int32)
    blended = replace(
        panel, keys={**panel.keys, "source": codes}, labels={"source": ("fresh", "popular", "taste")}
    )
    sources = {"fresh": CandidateSource(min=1, slots=(2,)), "popular": CandidateSource(max=1)}
    return task.model_copy(update={"sources": sources}), blended


def _some(task, count=20, seed=0):
    space = Space(task)
    points = space.sample(np.random.default_rng(seed), count)
    return [Config(space.from_unit(point)) for point in points]


def _by_hand(task, panel, slates):
    """φ of slates, one item at a time."""
    sums, weights, items = Counter(), 0.0, 0
    for r, slate in enumerate(slates.candidates.tolist()):
        topics = []
        for place, c in enumerate(slate):
            if c < 0:
                continue
            weight = 1 / np.log2(place + 2)
            weights += weight
            items += 1
            values = {name: float(panel.signals[stage][name][r, c]) for name, stage in LAST.items()}
            for name, value in values.items():
                if value == value:
                    sums[f"mean:{name}"] += weight * value
                    sums[f"log:{name}"] += weight * np.log(max(value, 1e-6))
            product = values["p_click"] * values["p_hate"]
            sums["product:p_click*p_hate"] += weight * product if product == product else 0.0
            topic = panel.keys["topic"][r, c]
            sums["repetition:topic"] += topics.count(topic)
            sums["spread:topic"] += topic not in topics
            topics.append(topic)
            for name in task.sources:
                sums[f"share:{name}"] += panel.labels["source"][panel.keys["source"][r, c]] == name
    weighted = ("mean", "log", "product")
    return {n: s / (weights if n.split(":")[0] in weighted else items) for n, s in sums.items()}


@pytest.mark.usefixtures("each_reader")
class TestEachReader:
    @pytest.mark.parametrize("blend", [False, True])
    def test_features_are_sums_over_single_slates(self, task, odd_panel, blend):
        task, panel = _blended(task, odd_panel) if blend else (task, odd_panel)
        what = WhatIf(task, panel)
        everything = SlateFeatures(task, panel)
        configs = [Config(task.production), *_some(task)]
        found, overlaps = what.features(configs), what.overlaps(configs)
        served = Funnel(task).slates(panel, configs[0])
        for config, row, share in zip(configs, found, overlaps, strict=True):
            slates = Funnel(task).slates(panel, config)
            expected = _by_hand(task, panel, slates)
            assert set(expected) == set(everything.names)
            np.testing.assert_allclose(row, [expected[n] for n in what.names], rtol=1e-6, atol=1e-7)
            np.testing.assert_allclose(
                everything.of(slates), [expected[n] for n in everything.names], rtol=1e-6, atol=1e-7
            )
            assert share == pytest.approx(overlap(slates, served))
            assert np.array_equal(what.slates(config).candidates, slates.candidates)
        assert what.production.tolist() == found[0].tolist()
        assert overlaps[0] == 1.0

    def test_keys_are_equal_where_slates_are(self, task, odd_panel):
        what = WhatIf(task, odd_panel)
        configs = _some(task, 60) + [Config({**task.production, "w": 1.0 + step * 1e-9}) for step in range(3)]
        shown = [Funnel(task).slates(odd_panel, config).candidates.tolist() for config in configs]
        keys = what.slate_keys(configs)
        assert [keys.index(key) for key in keys] == [shown.index(slates) for slates in shown]
        assert 1 < len(set(keys)) < len(configs)

    def test_threads_blocks_company_and_order_change_nothing(self, task, odd_panel, monkeypatch):
        configs = _some(task, 50)
        plain = WhatIf(task, odd_panel, threads=1)
        expected = plain.features(configs), plain.overlaps(configs), plain.slate_keys(configs)
        for block in (1, 3):
            monkeypatch.setattr(whatif, "_BLOCK", block)
            what = WhatIf(task, odd_panel, threads=3)
            assert np.array_equal(what.features(configs[::-1])[::-1], expected[0])
            assert np.array_equal(what.overlaps(configs), expected[1])
            assert what.slate_keys(configs) == expected[2]
            assert np.array_equal(what.spread, plain.spread)
            alone = WhatIf(task, odd_panel, threads=2)
            assert np.array_equal([alone.features([config])[0] for config in configs], expected[0])

    def test_what_is_forgotten_is_computed_again(self, task, odd_panel, monkeypatch):
        configs = _some(task, 30)
        what = WhatIf(task, odd_panel)
        expected = what.features(configs)
        monkeypatch.setattr(whatif, "REMEMBERED", 4)
        forgetful = WhatIf(task, odd_panel)
        for _ in range(2):
            assert np.array_equal(forgetful.features(configs), expected)
            assert np.array_equal(forgetful.features(configs[:2] * 3), np.tile(expected[:2], (3, 1)))


def test_both_readers_show_the_same(task, odd_panel, monkeypatch):
    pytest.importorskip("numba")
    configs = _some(task)
    found = {}
    for kernel in ("numpy", "numba"):
        monkeypatch.setenv(VARIABLE, kernel)
        found[kernel] = WhatIf(task, odd_panel)
        found[kernel].features(configs)
    numpy, numba = found.values()
    assert numpy.names == numba.names
    assert numpy.slate_keys(configs) == numba.slate_keys(configs)
    np.testing.assert_allclose(numpy.features(configs), numba.features(configs), rtol=1e-6)
    np.testing.assert_allclose(numpy.spread, numba.spread, rtol=1e-6)


def test_nothing_is_computed_twice(task, make_panel, monkeypatch):
    what = WhatIf(task, make_panel())
    configs = _some(task)
    what.features(configs)
    monkeypatch.setattr(what, "_replay", None)
    assert len(what.overlaps(configs[::-1])) == len(what.slate_keys(configs)) == len(configs)


def test_a_part_of_the_panel_can_be_enough(task, odd_panel):
    what = WhatIf(task, odd_panel, requests=8)
    config = _some(task, 1)[0]
    whole = Funnel(task).slates(odd_panel, config).candidates
    assert what.slates(config).candidates.tolist() == whole[:8].tolist()


@pytest.mark.parametrize("requests", [0, 3])
def test_where_nothing_is_shown_nothing_varies(task, make_panel, requests):
    panel = replace(make_panel(requests), valid=np.zeros((requests, 10), np.bool_))
    what = WhatIf(task, panel)
    configs = _some(task)
    assert what.names == ()
    assert what.features(configs).shape == (20, 0)
    assert what.overlaps(configs).tolist() == [0.0] * 20
    assert len(set(what.slate_keys(configs))) == 1


def test_no_configs_show_nothing(task, make_panel):
    what = WhatIf(task, make_panel())
    assert what.features([]).shape == (0, len(what.names))
    assert what.overlaps([]).shape == (0,)
    assert what.slate_keys([]) == ()


def test_what_is_left_out_follows_from_the_rest(task, make_panel):
    panel = make_panel(60, 20)
    what, everything = WhatIf(task, panel), SlateFeatures(task, panel)
    configs = _some(task, 400, seed=9)
    rows = np.array([everything.of(Funnel(task).slates(panel, config)) for config in configs])
    known = np.column_stack([np.ones(len(rows)), what.features(configs)])
    assert set(what.names) < set(everything.names)
    for name, column in zip(everything.names, rows.T, strict=True):
        missed = column - known @ np.linalg.lstsq(known, column, rcond=None)[0]
        assert missed @ missed <= 2 * (1 - EXPLAINED) * max(column.var() * len(rows), 1e-12), name


def test_of_columns_that_say_the_same_the_preferred_ones_stay():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100))
    constant = np.full(100, 0.1)
    sample = np.column_stack([a + b, a, constant, b, 5 * a - 1])
    assert independent(sample, [0, 0, 0, 0, 1]) in [(0, 1), (0, 3), (1, 3)]
    assert independent(sample, [2, 1, 0, 0, 0]) == (3, 4)
    assert independent(sample[:, [2]], [0]) == ()
    assert independent(sample[:, :0], []) == ()


@pytest.mark.usefixtures("each_reader")
class TestSharing:
    @settings(max_examples=60)
    @given(st.data())
    def test_shared_stages_show_what_each_config_shows_by_itself(self, data):
        task = data.draw(strategies.tasks()).task
        panel = _panel_of(task, data.draw(st.integers(0, 2**32 - 1)))
        some = st.lists(strategies.configs(task).map(Config), min_size=1, max_size=8)
        mixed = data.draw(some)
        # params of one config in another: stages in common, others not
        names = list(task.params)
        mixed += [
            Config({n: mixed[i % 2 if n in names[:2] else 0][n] for n in names}) for i in range(len(mixed))
        ]
        replay, funnel = Replay(task, panel), Funnel(task)
        for _, alike in groupby(sorted(mixed, key=replay.counts), key=replay.counts):
            configs = list(alike)
            found = replay.slates(configs)
            expected = [funnel.slates(panel, config) for config in configs]
            assert np.array_equal(found.candidates, np.concatenate([s.candidates for s in expected]))
            assert np.array_equal(found.scores, np.concatenate([s.scores for s in expected]), equal_nan=True)


def _panel_of(task, seed):
    rng = np.random.default_rng(seed)
    shape = (7, 12)

    def column(signal):
        low, high = np.clip(signal.domain, -10, 10)
        size = shape if signal.kind in ("prediction", "item") else shape[:1]
        return (low + (high - low) * rng.integers(0, 9, size) / 8).astype(np.float32)

    keys = {s.diversity.by for s in task.stages.values() if s.diversity is not None} | {"source"}
    return Panel(
        signals={
            stage: {n: column(s) for n, s in task.signals.items() if s.stages is None or stage in s.stages}
            for stage in task.stages
        },
        keys={key: rng.integers(0, 1 + len(task.sources), shape).astype(np.int32) for key in keys},
        items=rng.integers(0, 99, shape),
        valid=rng.random(shape) < 0.7 if seed % 2 else None,
        labels={"source": (*task.sources, "others")},
    )
