"""Columns of segments, and the sources of candidates."""

from datetime import timedelta

import numpy as np
import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import BackendContext, Config
from rectune_dsl.simulator.catalogue import SOURCES
from rectune_dsl.simulator.days import Block, Setting
from rectune_dsl.simulator.experiment import EPOCH, Experiment
from rectune_dsl.simulator.oracle import paired_lifts
from rectune_dsl.simulator.panel import sample_panel
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.responses import expect
from rectune_dsl.simulator.segments import segment_columns
from rectune_dsl.simulator.world import build_world
from rectune_dsl.workflow.capable import lacking

COLUMNS = build_world(Simulator(users=1_000, items=400, candidates=10)).columns
SEGMENTS = """
[segments.new]
when = "is_new_user"
guardrails = { next_day_return = ">= -3%", hate_rate = "<= +20%", latency_ms = "<= 120" }
[segments.all_others]
when = "1"
guardrails = { watch_minutes = ">= -1%" }
"""
NAMES = (
    "next_day_return@new",
    "users@new",
    "hates@new",
    "impressions@new",
    "latency_ms@new",
    "watch_minutes@all_others",
    "users@all_others",
)


@pytest.fixture(scope="module")
def segmented(make_task):
    return make_task(SEGMENTS)


@pytest.fixture(scope="module")
def segments(segmented):
    return segment_columns(segmented, COLUMNS)


def test_columns_are_those_that_guardrails_of_segments_need(segments, task):
    assert set(segments.names) == set(NAMES)
    assert segment_columns(task, COLUMNS).names == ()


def test_a_segments_columns_are_the_users_own_and_zero_for_others(world, funnel, changed, segments):
    block = Block(Setting(world, funnel, changed(), 5, 0, 2, expect, segments=segments), np.arange(600))
    plain = Block(Setting(world, funnel, changed(), 5, 0, 2, expect), np.arange(600))
    for one in (block, plain):
        one.advance(3)
    rows = dict(zip((*COLUMNS, *segments.names, "came"), block.columns(), strict=True))
    assert np.array_equal(block.columns()[: len(COLUMNS)], plain.columns()[:-1])
    new = world.users(np.arange(600)).is_new == 1
    for name in NAMES:
        base, segment = name.split("@")
        own = rows["came"] if base == "users" else rows[base]
        assert np.array_equal(rows[name], own * (new if segment == "new" else ~new)), name


def test_experiments_sum_them_and_leave_the_other_columns_as_they_are(world, funnel, make_spec, segments):
    def moments(**given):
        experiment = Experiment(world, funnel, make_spec(), 1, **given)
        return [experiment.observe(EPOCH + timedelta(days=days)) for days in (0, 1, 4)]

    before, early, plain = moments()
    *_, late = with_segments = moments(segments=segments)
    assert with_segments[0].columns == (*COLUMNS, *segments.names)
    assert set(with_segments[0].missing) == {*before.missing, *segments.names}
    assert set(with_segments[1].missing) == {*early.missing, "next_day_return@new"}
    for own, other in zip(late.arms, plain.arms, strict=True):
        assert own.sums[: len(COLUMNS)] == other.sums
        users = [own.sums[late.columns.index(f"users@{name}")] for name in ("new", "all_others")]
        assert sum(users) == own.n
        assert min(users) > 0


def test_the_truth_of_a_segment_is_that_of_its_users(segmented, world, changed):
    lifts = paired_lifts(segmented, world, [changed(), changed(a_long=2.0)], users=8_000)
    for name in ("new.next_day_return", "new.hate_rate", "all_others.watch_minutes"):
        assert lifts[name][0] == 0.0 != lifts[name][1]
    assert lifts["=new.latency_ms"][0] > 0


def test_the_backend_measures_what_the_task_judges(segmented):
    backend = SimulatorBackend(BackendContext(segmented, 1))
    assert list(backend.check()) == []
    assert set(backend.capabilities().metrics) == {*COLUMNS, *NAMES}
    assert set(backend.baseline(2).columns) == {*COLUMNS, *NAMES}


def test_what_no_segment_and_no_source_has_is_named(make_task):
    wrong = make_task(SEGMENTS.replace("latency_ms", "shares") + "[sources.frash]\nmin = 1\n")
    found = set(lacking(wrong, SimulatorBackend(BackendContext(wrong, 1)).capabilities()))
    assert found == {
        (
            "RT902",
            ("sources", "frash"),
            "the backend has no candidates from source `frash`",
            "did you mean `fresh`?",
        ),
        (
            "RT901",
            ("segments", "new", "guardrails", "shares"),
            "the backend does not measure `shares` of segment `new`",
            "did you mean `hates`?",
        ),
    }


def test_every_candidate_has_the_source_that_its_item_says(world, task):
    requests = Requests(world, world.users(np.arange(300)), 3, 1)
    codes, fresh = (
        requests.keys("source", None),
        world.items.freshness[requests.items()] >= 0.8,
    )
    assert requests.labels("source") == SOURCES
    assert requests.labels("topic") == ()
    assert np.array_equal(codes == SOURCES.index("fresh"), fresh)
    shares = [(codes == code).mean() for code in range(len(SOURCES))]
    assert min(shares) > 0.1
    topics = requests.keys("topic", None)
    for row, own in zip(topics, codes, strict=True):
        near = row[own == SOURCES.index("taste")]
        assert near.max() - near.min() <= 2  # a topic and its two neighbours


def test_quotas_hold_in_the_world(make_task, world):
    task = make_task("[sources.fresh]\nmin = 3\nslots = [2]\n[sources.popular]\nmax = 1\n")
    uncapped = task.stages["re_ranking"].diversity.model_copy(update={"max_per_key": None})
    last = task.stages["re_ranking"].model_copy(update={"diversity": uncapped})
    task = task.model_copy(update={"stages": {**task.stages, "re_ranking": last}})
    panel = sample_panel(task, world, 1, 200)
    slates = Funnel(task).slates(panel, Config(task.production)).candidates
    codes = np.take_along_axis(panel.keys["source"], slates.clip(0), axis=1)
    codes[slates < 0] = -1
    assert ((codes == SOURCES.index("fresh")).sum(axis=1) >= 3).all()
    assert (codes[:, 1] == SOURCES.index("fresh")).all()
    assert ((codes == SOURCES.index("popular")).sum(axis=1) <= 1).all()
