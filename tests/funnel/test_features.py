"""Slate features on slates small enough to work out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.dsl.stages import CandidateSource
from rectune_dsl.funnel.features import SlateFeatures, overlap
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config, Panel, Slates


def _slates(rows):
    candidates = np.array(rows, np.int32)
    return Slates(candidates, np.zeros(candidates.shape, np.float32))


@pytest.fixture
def panel():
    values = np.array([[0.5, 0.25, 1.0, 0.125]], np.float32)
    return Panel(
        signals={"pre_ranking": {"p_click": values / 2}, "ranking": {"p_click": values}},
        keys={"topic": np.array([[1, 1, 2, 1]], np.int32)},
        items=np.arange(4)[None, :],
    )


def test_features_of_one_slate(task, panel):
    features = SlateFeatures(task, panel)
    found = dict(zip(features.names, features.of(_slates([[0, 1, 3]])), strict=True))
    weights = np.array([1, 1 / np.log2(3), 1 / 2])
    weights /= weights.sum()
    assert found["mean:p_click"] == pytest.approx(weights @ [0.5, 0.25, 0.125])
    assert found["log:p_click"] == pytest.approx(weights @ np.log([0.5, 0.25, 0.125]))
    assert found["repetition:topic"] == 1.0  # 0, 1 and 2 earlier items
    assert found["spread:topic"] == pytest.approx(1 / 3)


def test_short_slates_count_what_is_shown(task, panel):
    features = SlateFeatures(task, panel)
    found = dict(zip(features.names, features.of(_slates([[2, -1, -1]])), strict=True))
    assert found["mean:p_click"] == 1.0
    assert found["log:p_click"] == 0.0
    assert found["repetition:topic"] == 0.0
    assert found["spread:topic"] == 1.0


def test_overlap_is_one_with_itself_and_symmetric():
    a, b = _slates([[0, 1], [2, -1]]), _slates([[1, 4], [-1, -1]])
    assert overlap(a, a) == 1.0
    assert overlap(a, b) == overlap(b, a) == 0.25
    assert overlap(_slates([[-1]]), _slates([[-1]])) == 0.0


def test_sources_have_their_share_of_what_is_shown(task, panel):
    sources = {name: CandidateSource(min=1) for name in ("fresh", "popular")}
    codes = {**panel.keys, "source": np.array([[0, 2, 2, 1]], np.int32)}
    labels = {"source": ("popular", "taste", "fresh")}
    blended = replace(panel, keys=codes, labels=labels)
    slates = _slates([[1, 2, 0, -1]])
    features = SlateFeatures(task.model_copy(update={"sources": sources}), blended)
    found = dict(zip(features.names, features.of(slates), strict=True))
    assert found["share:fresh"] == pytest.approx(2 / 3)
    assert found["share:popular"] == pytest.approx(1 / 3)
    assert set(features.names) - set(SlateFeatures(task, panel).names) == {
        "share:fresh",
        "share:popular",
    }


def test_production_overlaps_itself_on_a_whole_panel(task, make_panel):
    panel = make_panel()
    slates = Funnel(task).slates(panel, Config(task.production))
    features = SlateFeatures(task, panel)
    vector = features.of(slates)
    assert vector.shape == (len(features.names),)
    assert np.isfinite(vector).all()
    assert overlap(slates, slates) == 1.0
