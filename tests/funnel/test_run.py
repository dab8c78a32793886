"""Stages over panels: against a loop over single candidates, and the same in chunks of any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.table import Formula
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.source import PanelSource
from rectune_dsl.hooks.api import Config
from rectune_dsl.hooks.errors import UsageError

pytestmark = pytest.mark.usefixtures("each_reader")
F = np.float32


def _top(scores, alive, keep):
    return sorted(alive, key=lambda i: (-scores[i], i))[:keep]


def _slate(panel, r, config):
    """The task of conftest by hand, one candidate at a time."""
    early, full, late = (panel.signals[s] for s in ("pre_ranking", "ranking", "re_ranking"))
    there = [i for i in range(panel.items.shape[1]) if panel.valid is None or panel.valid[r, i]]
    alive = _top(early["p_click"][r], there, 6)
    weight = F(2.0) if full["is_new"][r] else F(config["w"])
    score = {i: F(2) * full["p_click"][r, i] - F(1) - weight * full["p_hate"][r, i] for i in alive}
    alive = _top(score, alive, round(config["ranking.keep"]))
    score = {i: score[i] - F(0.1) * late["bait"][r, i] for i in alive}
    slate: list[int] = []
    topics = panel.keys["topic"][r]
    while len(slate) < 3:
        worth = {}
        for i in sorted(set(alive) - set(slate)):
            worth[i] = score[i]
            earlier = sum(topics[j] == topics[i] for j in slate)
            for _ in range(earlier):
                worth[i] -= F(config["penalty"])
            if earlier >= 2:
                del worth[i]
        if not worth:
            break
        slate.append(min(worth, key=lambda i: (-worth[i], i)))
    short = [-1] * (3 - len(slate))
    return slate + short, [float(score[i]) for i in slate]


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("keep", [3, 5])
def test_slates_are_those_of_a_loop_over_candidates(task, make_panel, valid, keep):
    panel = make_panel(60, valid=valid)
    config = Config({"w": 0.7, "ranking.keep": keep, "penalty": 0.25})
    slates = Funnel(task).slates(panel, config)
    for r in range(60):
        candidates, scores = _slate(panel, r, config)
        assert slates.candidates[r].tolist() == candidates
        shown = slates.candidates[r] >= 0
        assert slates.scores[r][shown].tolist() == scores
        assert np.isnan(slates.scores[r][~shown]).all()


@given(chunk=st.integers(1, 50), seed=st.integers(0, 5), valid=st.booleans())
def test_chunks_change_nothing(chunk, seed, valid, task, make_panel):
    panel, config = make_panel(seed=seed, valid=valid), Config(task.production)
    whole, parts = Funnel(task).slates(panel, config), Funnel(task).slates(panel, config, chunk)
    assert whole.candidates.tobytes() == parts.candidates.tobytes()
    assert whole.scores.tobytes() == parts.scores.tobytes()


def test_a_stage_asks_only_for_what_it_reads_and_for_whom_it_reached(task, make_panel):
    asked = []

    class Watched:
        """A source that makes its signals when it is asked."""

        def __init__(self, panel):
            self._panel = PanelSource(panel)
            self.requests, self.candidates = self._panel.requests, self._panel.candidates
            self.valid, self.keys = self._panel.valid, self._panel.keys

        def signals(self, stage, names, alive):
            asked.append((stage, tuple(names), None if alive is None else alive.shape))
            return self._panel.signals(stage, names, alive)

    Funnel(task).run(Watched(make_panel(5)), Config(task.production))
    assert asked == [
        ("pre_ranking", ("p_click",), None),
        ("ranking", ("p_click", "p_hate", "is_new"), (5, 6)),
        ("re_ranking", ("bait",), (5, 4)),
    ]


def test_scores_stay_single_precision(task, make_panel):
    assert Funnel(task).slates(make_panel(3), Config(task.production)).scores.dtype == np.float32


def test_functions_of_plugins_may_be_called(task, make_panel):
    formula = Formula.__new__(Formula)
    formula.__init__("half(p_click)", {"half": _Unary()})
    stage = task.stages["pre_ranking"].model_copy(update={"score": formula})
    changed = task.model_copy(update={"stages": {"only": stage}})
    panel = make_panel(4)
    panel.signals["only"] = panel.signals["pre_ranking"]
    halved = Funnel(changed, {"half": lambda x: x / np.float64(2)}).slates(panel, Config({}))
    best = np.sort(panel.signals["pre_ranking"]["p_click"], axis=1)[:, ::-1][:, :6]
    assert (halved.scores == best / 2).all()


class _Unary:
    about = ""

    def accepts(self, count):
        return count == 1


def test_a_funnel_of_more_than_there_is_keeps_all_and_pads(task, make_panel):
    stage = task.stages["pre_ranking"].model_copy(update={"keep": 12})
    changed = task.model_copy(update={"stages": {"pre_ranking": stage}})
    slates = Funnel(changed).slates(make_panel(4, candidates=10), Config({}))
    assert slates.candidates.shape == (4, 12)
    assert (slates.candidates[:, 10:] == -1).all()
    assert (np.sort(slates.candidates[:, :10], axis=1) == np.arange(10)).all()


def test_an_empty_panel_gives_empty_slates(task, make_panel):
    assert Funnel(task).slates(make_panel(0), Config(task.production)).candidates.shape == (0, 3)


def test_a_panel_that_lacks_a_signal_is_named(task, make_panel):
    panel = make_panel(2)
    del panel.signals["ranking"]["p_hate"]
    with pytest.raises(UsageError, match="no ranking signal `p_hate`"):
        Funnel(task).slates(panel, Config(task.production))


def test_request_wide_functions_range_over_what_reached_the_stage(task, make_panel):
    score = Formula("-rank(p_click)")
    stages = {
        "pre_ranking": task.stages["pre_ranking"],
        "ranking": task.stages["pre_ranking"].model_copy(update={"score": score, "keep": 2}),
    }
    panel = make_panel(20)
    slates = Funnel(task.model_copy(update={"stages": stages})).slates(panel, Config({}))
    assert (slates.scores[:, 0] >= -6).all()
