"""Novelty: what control does not show is clicked more, for some days."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.simulator.novelty import strangeness

DAYS = 6


@pytest.fixture(scope="module")
def clicks(task, make_spec, changed_text, tmp_path_factory):
    """Clicks of each arm by day, (arms, days), in a world with so much novelty."""

    def made(novelty):
        folder = tmp_path_factory.mktemp("worlds")
        (folder / "mine.toml").write_text(changed_text("fatigue", novelty=novelty), encoding="utf-8")
        raw = task.model_dump(mode="python")
        raw["simulator"]["world"] = "mine.toml"
        backend = SimulatorBackend(BackendContext(Task.model_validate(raw), 1, folder))
        backend.create(make_spec(days=DAYS, users_per_arm=8_000), "k")
        looks = [backend.observe("k", EPOCH + timedelta(days=day)) for day in range(1, DAYS + 1)]
        at = looks[0].columns.index("clicks")
        until = np.array([[arm.sums[at] for arm in look.arms] for look in looks]).T
        return np.diff(until, axis=1, prepend=0.0)

    return made


def test_what_is_new_is_clicked_more_at_first(clicks):
    (control, treatment), (control_before, treatment_before) = clicks(2.0), clicks(0.0)
    assert control.tolist() == control_before.tolist()
    gained = treatment / treatment_before - 1
    assert gained[0] > 0.08
    assert (np.diff(gained) < 0).all()
    assert gained[-1] < gained[0] / 2
    lift, lift_before = treatment / control - 1, treatment_before / control_before - 1
    assert lift[0] - lift[-1] > lift_before[0] - lift_before[-1] + 0.05


def test_novelty_is_the_share_of_the_slate_that_control_does_not_show(world, funnel, changed):
    other, far = changed(a_long=0.3), changed(a_long=3.0, a_click=0.2)
    arms = (Arm("control", changed()), Arm("same", changed()), Arm("near", other), Arm("far", far))
    nothing, same, near, much = strangeness(world, funnel, arms)
    assert nothing == same == 0
    assert 0 < near < much <= 1
    back = strangeness(world, funnel, (Arm("control", far), Arm("before", changed())))
    assert back == pytest.approx((0, much))


def test_the_holdout_knows_what_it_is_served(world, funnel, changed):
    arms = (Arm("control", changed(a_long=2.0)), Arm("holdout", changed()), Arm("treatment", changed()))
    _, holdout, treatment = strangeness(world, funnel, arms)
    assert holdout == 0 < treatment
    assert strangeness(world, funnel, tuple(replace(arm, name="x") for arm in arms))[1] == treatment
