"""Heads of the bundled worlds, and signals that formulas read: never the truth itself."""

from pathlib import Path

import numpy as np
import pytest

from rectune_dsl.simulator.reliability import correlations, reliability
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.world import Sizes, world_of
from rectune_dsl.simulator.worlds import WORLDS, load

SIZES = Sizes(seed=1, users=100_000, items=4_000, candidates=300)


@pytest.fixture(scope="module", params=WORLDS)
def bundled(request):
    return world_of(load(request.param), SIZES)


def test_heads_order_candidates_well_at_ranking_and_less_before(bundled):
    early, full = (reliability(bundled, stage) for stage in ("pre_ranking", "ranking"))
    for name in bundled.file.responses:
        assert 0.65 <= full[name].auc <= 0.85, name
        assert 0.5 < early[name].auc < full[name].auc, name


@pytest.mark.parametrize("stage", ["pre_ranking", "ranking"])
def test_heads_of_a_stage_are_moderately_correlated(bundled, stage):
    """Those of negative feedback with all others negatively."""
    found = correlations(bundled, stage)
    one, other = np.triu_indices(len(found), 1)
    assert np.abs(found[one, other]).min() >= 0.2
    assert np.abs(found[one, other]).max() <= 0.7
    negative = np.array([name in {"hate", "hide", "send_back"} for name in bundled.file.responses])
    assert ((found[one, other] < 0) == (negative[one] != negative[other])).all()


def test_models_of_one_stage_err_together(bundled):
    requests = Requests(bundled, bundled.users(np.arange(200, dtype=np.int64)), 3, 0)
    names = list(bundled.file.responses)[:2]
    views = bundled.views("ranking", 0)
    errors = []
    for name in names:
        said = requests.signals("ranking", [f"p_{name}"], None)[f"p_{name}"].astype(np.float64)
        seen = np.log(said / (1 - said)) - views[name].slope * requests.logits(name, None)
        errors.append((seen - seen.mean()).ravel() / views[name].noise)
    assert np.std(errors, axis=1) == pytest.approx(1, abs=0.02)
    together = views[names[0]].shared * views[names[1]].shared
    assert np.mean(errors[0] * errors[1]) == pytest.approx(together, abs=0.02)


def test_clickbait_is_served_with_an_error(bundled):
    items = bundled.items
    assert bundled.item_signals["clickbait"] == "clickbait_hint"
    assert 0.6 < np.corrcoef(items.clickbait, items.clickbait_hint)[0, 1] < 0.95
    assert items.clickbait_hint.min() >= 0
    assert items.clickbait_hint.max() <= 1


def test_an_activity_class_is_what_a_log_of_the_fortnight_before_tells(bundled):
    users = bundled.users(np.arange(20_000, dtype=np.int64))
    order = np.argsort(users.sessions_before, kind="stable")
    sessions, classes = users.sessions_before[order], users.activity_class[order]
    assert (np.diff(classes) >= 0).all()
    assert not np.diff(classes)[np.diff(sessions) == 0].any()
    assert {*np.unique(users.activity_class).tolist()} == {0.0, 1.0, 2.0, 3.0}
    assert (np.diff(users.activity_class[np.argsort(users.activity)]) < 0).any()


def test_the_docs_tell_how_good_and_how_alike_heads_are():
    page = Path(__file__).parents[2] / "docs" / "explanation" / "simulator.md"
    text, world = page.read_text(encoding="utf-8"), world_of(load("short-video"), SIZES)
    for stage, name in (("pre_ranking", "pre-ranking"), ("ranking", "ranking")):
        aucs = [head.auc for head in reliability(world, stage).values()]
        found = correlations(world, stage)
        alike = np.abs(found[np.triu_indices(len(found), 1)])
        row = f"| {name} | {min(aucs):.2f} to {max(aucs):.2f} | {alike.min():.2f} to {alike.max():.2f} |"
        assert row in text
