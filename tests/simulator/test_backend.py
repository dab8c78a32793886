"""The simulator behind the backend's contract."""

import tomllib
from datetime import timedelta

import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext, BaselineBackend, Config, OracleBackend, PanelBackend
from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.workflow.capable import lacking


@pytest.fixture
def backend(task):
    return SimulatorBackend(BackendContext(task, 1))


def _observe(backend, spec, days=4):
    experiment = backend.create(spec, spec.key)
    return backend.observe(experiment, EPOCH + timedelta(days=days))


def test_it_offers_all_that_is_optional(backend, task):
    assert isinstance(backend, PanelBackend)
    assert isinstance(backend, BaselineBackend)
    assert isinstance(backend, OracleBackend)
    can = backend.capabilities()
    assert can.population == task.simulator.users
    assert (can.virtual_time, can.randomises, can.real_traffic) == (True, True, False)
    assert list(backend.check()) == []


def test_what_the_world_lacks_is_named(task):
    raw = task.model_dump(mode="python")
    raw["signals"]["p_shares"] = {}
    raw["metrics"]["shares"] = {}
    raw["stages"]["re_ranking"]["diversity"]["by"] = "genre"
    raw["guardrails"] = {}
    wrong = Task.model_validate(raw)
    found = lacking(wrong, SimulatorBackend(BackendContext(wrong, 1)).capabilities())
    assert {(code, key) for code, key, _, _ in found} == {
        ("RT902", ("signals", "p_shares")),
        ("RT902", ("stages", "re_ranking", "diversity", "by")),
        ("RT901", ("metrics", "shares")),
    }


def test_create_again_is_the_same_experiment(backend, make_spec):
    assert backend.create(make_spec(), "k") == backend.create(make_spec(), "k")
    with pytest.raises(BackendError, match="another experiment with the key"):
        backend.create(make_spec(days=2), "k")


def test_a_new_process_observes_the_same(task, backend, make_spec):
    spec = make_spec()
    for days in (1, 2, 3):
        _observe(backend, spec, days)
    later = SimulatorBackend(BackendContext(task, 1))
    assert repr(_observe(later, spec)) == repr(_observe(backend, spec))
    assert repr(_observe(SimulatorBackend(BackendContext(task, 2)), spec)) != repr(_observe(later, spec))


def test_a_stop_leaves_what_was_observed(backend, make_spec):
    before = _observe(backend, make_spec())
    backend.start("k")
    backend.set_exposure("k", 0.0, "longer")
    backend.stop("k", "finished")
    backend.stop("k", "finished")
    assert repr(_observe(backend, make_spec())) == repr(before)


def test_exposure_is_what_was_set_last(backend, make_spec):
    whole = _observe(backend, make_spec())
    for fraction in (0.2, 0.5, 0.2):
        backend.set_exposure("k", fraction)
    part = _observe(backend, make_spec())
    assert part.arms[0].assigned < whole.arms[0].assigned / 2
    backend.set_exposure("k", 1.0)
    assert repr(_observe(backend, make_spec())) == repr(whole)
    with pytest.raises(BackendError, match="not a share"):
        backend.set_exposure("k", 1.5)


def test_an_unknown_experiment_is_refused(backend):
    with pytest.raises(BackendError, match="no experiment 'x'") as error:
        backend.observe("x", EPOCH)
    assert "create" in error.value.help


def test_deliver_changes_what_the_baseline_is_served_until_rolled_back(backend, changed, world):
    before = backend.baseline(2)
    assert before.columns == world.columns
    assert [arm.arm for arm in before.arms] == ["control"]
    better = changed(a_long=2.0)
    backend.deliver(better)
    backend.deliver(better)
    assert backend.baseline(2).arms != before.arms
    backend.rollback()
    backend.rollback()
    assert backend.baseline(2).arms == before.arms


def test_the_truth_is_told_per_metric(backend, task, changed):
    lifts = backend.oracle_lifts([changed(), changed(a_long=2.0)])
    assert set(lifts) == {*task.judged, "=latency_ms"}
    assert lifts["watch_minutes"][0] == 0.0 < lifts["watch_minutes"][1]


def test_the_panel_is_one_for_each_seed(backend, task):
    other = SimulatorBackend(BackendContext(task, 2)).panel(50)
    assert backend.panel(50).items.tobytes() == backend.panel(50).items.tobytes() != other.items.tobytes()


def test_a_task_of_one_stage_runs():
    text = """
    dsl = 1
    [task]
    name = "one"
    surface = "s"
    [signals]
    p_click = {}
    [stages.ranking]
    keep = 5
    score = "w * p_click"
    [stages.ranking.params]
    w = { production = 1, low = 0, high = 2 }
    [metrics]
    clicks = { goal = "maximize" }
    [experiment]
    users_per_arm = 50
    days = 1
    [confirm]
    users_per_arm = 50
    days = 1
    [simulator]
    users = 2_000
    items = 400
    candidates = 20
    """
    backend = SimulatorBackend(BackendContext(Task.model_validate(tomllib.loads(text)), 1))
    assert backend.oracle_lifts([Config({"w": 2.0})])["clicks"] == (0.0,)
