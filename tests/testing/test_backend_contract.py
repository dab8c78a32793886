"""The backends' contract catches what people get wrong: each fault fails exactly its tests."""

import inspect
import sys
import tomllib
from pathlib import Path

import pytest

import rectune_dsl.testing
from rectune_dsl.hooks.api import CONTROL, ArmMoments, BackendError, Moments
from rectune_dsl.testing.backend_contract import BackendContract, Rig

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "docs/how-to/your-own-backend"), str(Path(__file__).parent)]
sys.path.append(str(ROOT / "tests/backends"))

import house  # noqa: E402
from house_backend import HouseBackend  # noqa: E402
from house_faults import FAULTS, SERVICE_FAULTS  # noqa: E402
from replay_faults import FAULTS as REPLAY_FAULTS  # noqa: E402
from test_house_backend import FIRST, HouseRig  # noqa: E402
from test_replay_contract import ReplayRig  # noqa: E402

CAUGHT = tomllib.loads((Path(__file__).parent / "caught.toml").read_text(encoding="utf-8"))
TESTS = sorted(name for name in dir(BackendContract) if name.startswith("test_"))


def run(name, rig, fixtures):
    """What becomes of one test of the suite on a rig."""
    test = getattr(BackendContract(), name)
    wanted = [fixture for fixture in inspect.signature(test).parameters if fixture != "rig"]
    try:
        test(rig, **{fixture: fixtures[fixture] for fixture in wanted})
    except pytest.skip.Exception:
        return "skipped"
    except (Exception, pytest.fail.Exception):
        return "failed"
    return "passed"


@pytest.fixture
def outcomes(caplog, capfd, tmp_path):
    """What becomes of every test, each on a rig of its own: outcome -> tests."""

    def find(make):
        found = {"failed": [], "skipped": [], "passed": []}
        for name in TESTS:
            with pytest.MonkeyPatch.context() as patch:
                found[run(name, make(patch), {"caplog": caplog, "capfd": capfd})].append(name)
        return found

    return find


def test_the_house_s_backend_keeps_the_contract(outcomes):
    found = outcomes(HouseRig)
    assert found["failed"] == []
    assert found["skipped"] == ["test_a_baseline_is_whole", "test_estimates_are_those_of_a_recount"]


class Remembering(HouseBackend):
    """With a baseline, which it has once so many days have passed, as is honest."""

    def baseline(self, days):
        ((known,),) = self._ask("SELECT COUNT(*) FROM loaded")
        if known < days:
            raise BackendError(f"{known} of {days} days have passed", help="ask again when they have")
        users = self._ask("SELECT SUM(minutes), 1 FROM visits GROUP BY user")
        sums = tuple(map(sum, zip(*users, strict=True)))
        products = tuple(tuple(sum(u[i] * u[j] for u in users) for j in (0, 1)) for i in (0, 1))
        arm = ArmMoments(CONTROL, len(users), len(users), sums, products)
        return Moments(FIRST, ("minutes", "one"), (arm,))


def test_a_baseline_is_asked_for_when_there_have_been_days(monkeypatch):
    rig = HouseRig(monkeypatch, Remembering)
    rig.pass_until(rig.spec.start)
    with pytest.raises(BackendError, match="1 of 3 days"):
        rig.backend().baseline(rig.spec.days)
    assert run("test_a_baseline_is_whole", HouseRig(monkeypatch, Remembering), {}) == "passed"


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_backend_fails_exactly_its_tests(outcomes, fault):
    found = outcomes(lambda patch: HouseRig(patch, FAULTS[fault]))
    assert found["failed"] == CAUGHT["backend"][fault]


@pytest.mark.slow
@pytest.mark.parametrize("fault", SERVICE_FAULTS)
def test_a_fault_of_a_service_fails_exactly_its_tests(outcomes, fault):
    def make(patch):
        patch.setattr(house, "arm_of", SERVICE_FAULTS[fault])
        return HouseRig(patch)

    assert outcomes(make)["failed"] == CAUGHT["service"][fault]


@pytest.mark.slow
@pytest.mark.parametrize("fault", REPLAY_FAULTS)
def test_a_fault_of_estimates_fails_exactly_its_tests(outcomes, fault, tmp_path):
    assert (
        outcomes(lambda _: ReplayRig(tmp_path, REPLAY_FAULTS[fault]))["failed"] == CAUGHT["estimates"][fault]
    )


def test_every_test_of_the_suite_catches_some_fault():
    caught = {test for faults in CAUGHT.values() for tests in faults.values() for test in tests}
    assert caught == set(TESTS)


def test_every_test_says_what_is_lost_where_it_fails():
    for name in TESTS:
        assert getattr(BackendContract, name).__doc__.startswith("Else "), name


def test_a_rig_that_tells_nothing_is_skipped_with_the_method_that_it_lacks():
    rig = Rig()
    for method, arguments in {"arms_of": ("e",), "experiments": (), "production": (), "failing": ()}.items():
        with pytest.raises(pytest.skip.Exception, match=f"it has no `{method}`"):
            getattr(rig, method)(*arguments)
    with pytest.raises(NotImplementedError, match="backend"):
        rig.backend()


def test_the_suites_are_found_where_plugin_authors_look():
    assert rectune_dsl.testing.BackendContract is BackendContract
    for name in rectune_dsl.testing.__all__:
        assert inspect.isclass(getattr(rectune_dsl.testing, name))
    with pytest.raises(AttributeError, match="no attribute 'FrontendContract'"):
        _ = rectune_dsl.testing.FrontendContract
