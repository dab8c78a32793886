"""Requests: heads are the same whoever asks for them, and see the truth dimly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.source import PanelSource
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.panel import sample_panel
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.signals import KEYS, USER_SIGNALS
from rectune_dsl.simulator.world import build_world

_WORLD = build_world(Simulator(users=1_000, items=400, candidates=10))
SIGNALS, HEADS = _WORLD.signals, sorted(_WORLD.heads)


@pytest.fixture(scope="session")
def make_requests(world):
    def make(ids=range(200), traffic=3, day=1):
        return Requests(world, world.users(np.array(ids, np.int64)), traffic, day)

    return make


@given(
    stage=st.sampled_from(["pre_ranking", "ranking", "anything"]),
    name=st.sampled_from([s for s in SIGNALS if s not in USER_SIGNALS]),
    seed=st.integers(0, 9),
    whole_first=st.booleans(),
)
def test_some_candidates_look_as_they_do_among_all(make_requests, stage, name, seed, whole_first):
    alive = np.random.default_rng(seed).integers(0, 80, (200, 12))
    whole = make_requests().signals(stage, [name], None)[name]
    requests = make_requests()
    if whole_first:
        requests.signals("pre_ranking", ["p_click", "p_long_view"], None)
    part = requests.signals(stage, [name], alive)[name]
    assert part.tobytes() == np.take_along_axis(whole, alive, axis=1).tobytes()


def test_a_request_does_not_depend_on_its_neighbours(make_requests):
    some, alone = make_requests(), make_requests([150])
    for name in SIGNALS:
        row = some.signals("ranking", [name], None)[name][150]
        assert row.tobytes() == alone.signals("ranking", [name], None)[name][0].tobytes()
    assert some.items()[150].tolist() == alone.items()[0].tolist()


def test_users_and_days_and_traffic_make_requests_differ(make_requests):
    base = make_requests().signals("ranking", ["p_click"], None)["p_click"]
    for other in (make_requests(day=2), make_requests(traffic=4)):
        heads = other.signals("ranking", ["p_click"], None)["p_click"]
        assert (heads != base).mean() > 0.99


def test_candidates_are_different_items(make_requests):
    items = make_requests().items()
    assert all(np.unique(row).size == row.size for row in items)


def test_retrieval_serves_the_users_tastes(make_requests, world):
    requests = make_requests(range(500))
    tastes = world.normals.stretch(requests.users.taste, world.topics)
    topics = requests.keys("topic", None)
    served = np.take_along_axis(tastes, topics.astype(np.intp), axis=1).mean()
    assert served > 0.15  # a random candidate has 0


@pytest.mark.parametrize("head", HEADS)
def test_heads_follow_the_truth_and_the_full_models_follow_it_more_closely(make_requests, head):
    requests = make_requests(range(400))
    truth = requests.logits(head.removeprefix("p_"), None).ravel()
    seen = {s: requests.signals(s, [head], None)[head].ravel() for s in ("pre_ranking", "ranking")}
    for values in seen.values():
        assert ((values >= 0) & (values <= 1)).all()
    logits = {stage: np.log(p / (1 - p)) for stage, p in seen.items()}
    early, full = (np.corrcoef(truth, logits[s])[0, 1] for s in ("pre_ranking", "ranking"))
    assert 0.4 < early < full < 0.99


def test_heads_are_not_calibrated(make_requests):
    requests = make_requests(range(400))
    truth = 1 / (1 + np.exp(-requests.logits("long_view", None)))
    seen = requests.signals("ranking", ["p_long_view"], None)["p_long_view"]
    assert seen.mean() > 1.2 * truth.mean()


def test_item_signals_and_truth_disagree_on_clickbait(make_requests):
    requests = make_requests(range(400))
    bait = requests.signals("ranking", ["clickbait"], None)["clickbait"].ravel()
    correlation = {
        name: np.corrcoef(bait, requests.logits(name, None).ravel())[0, 1]
        for name in ("click", "hate", "long_view")
    }
    assert correlation["click"] > 0.1
    assert correlation["hate"] > 0.1
    assert correlation["long_view"] < -0.1


def test_a_panel_gives_the_funnel_what_its_requests_would(task, world, funnel, changed):
    panel = sample_panel(task, world, 1, 100)
    assert panel.items.shape == (100, 80)
    assert set(panel.keys) == set(KEYS)
    assert set(panel.signals["pre_ranking"]) == {"p_click", "p_long_view", "clickbait", "is_new_user"}
    assert set(panel.signals["re_ranking"]) == {"clickbait", "is_new_user"}
    slates = funnel.slates(panel, changed())
    again = sample_panel(task, world, 1, 100)
    assert Funnel(task).slates(again, changed(), 13).candidates.tobytes() == slates.candidates.tobytes()
    assert sample_panel(task, world, 2, 100).items.tobytes() != panel.items.tobytes()


def test_a_lazy_source_shows_what_its_panel_shows(make_requests, funnel, changed, task):
    from rectune_dsl.hooks.api import Panel

    requests = make_requests()
    panel = Panel(
        signals={s: requests.signals(s, list(task.signals), None) for s in task.stages},
        keys={k: requests.keys(k, None) for k in KEYS},
        items=requests.items(),
    )
    lazy, full = funnel.run(make_requests(), changed()), funnel.run(PanelSource(panel), changed())
    assert lazy.candidates.tobytes() == full.candidates.tobytes()
    assert lazy.scores.tobytes() == full.scores.tobytes()


def test_a_larger_panel_than_there_are_users_takes_several_days(task):
    small = build_world(Simulator(users=1000, items=400, candidates=20))
    assert sample_panel(task, small, 1, 2_500).items.shape == (2_500, 20)


def test_the_world_names_what_it_does_not_have(make_requests):
    with pytest.raises(UsageError, match="no signal `p_clik`") as error:
        make_requests().signals("ranking", ["p_clik"], None)
    assert "p_click" in error.value.help
    with pytest.raises(UsageError, match="no key `genre`"):
        make_requests().keys("genre", None)


def test_an_unknown_world_is_refused():
    with pytest.raises(UsageError, match="no simulated world 'short-vide'") as error:
        build_world(Simulator(world="short-vide"))
    assert "short-video" in error.value.help


def test_more_candidates_than_items_are_refused():
    with pytest.raises(UsageError, match="500 candidates per request, but only 400 items"):
        build_world(Simulator(items=400, candidates=500))
