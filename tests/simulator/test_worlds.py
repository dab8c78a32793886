"""The other worlds run in experiments, with signals and columns of their own."""

import tomllib
from datetime import timedelta

import numpy as np
import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Config, ExperimentSpec
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.simulator.worlds import text_of
from rectune_dsl.workflow.capable import lacking

USERS = 10_000
NEWS = """
dsl = 1
[task]
name = "news-fusion"
surface = "front-page"
[signals]
p_click = {}
p_long_read = { stages = ["ranking"] }
p_share = { stages = ["ranking"] }
p_hide = { stages = ["ranking"] }
freshness = { kind = "item" }
[stages.pre_ranking]
keep = 60
score = "p_click"
[stages.ranking]
keep = 10
score = "p_click * p_long_read ** a_read + w_share * p_share + w_fresh * freshness - w_hide * p_hide"
[stages.ranking.params]
a_read = { production = 0.5, low = 0.0, high = 3.0 }
w_share = { production = 2.0, low = 0.0, high = 30.0 }
w_fresh = { production = 0.0, low = 0.0, high = 1.0 }
w_hide = { production = 0.0, low = 0.0, high = 30.0 }
[metrics]
read_minutes = { goal = "maximize", covariate = "read_minutes_before" }
next_day_return = { kind = "proportion", matures_after_days = 1 }
hide_rate = { kind = "ratio", numerator = "hides", denominator = "impressions" }
[guardrails]
next_day_return = ">= -1%"
hide_rate = "<= +15%"
[experiment]
users_per_arm = 2000
days = 3
[confirm]
users_per_arm = 2000
days = 3
[simulator]
world = "news-feed"
users = 100_000
items = 1_000
candidates = 100
"""
SHOP = """
dsl = 1
[task]
name = "shop-fusion"
surface = "home"
[signals]
p_click = {}
p_add_to_cart = { stages = ["ranking"] }
p_send_back = { stages = ["ranking"] }
price = { kind = "item", domain = [0.0, 10_000.0] }
[stages.pre_ranking]
keep = 60
score = "p_click"
[stages.ranking]
keep = 10
score = "p_click * p_add_to_cart ** a_cart * (1 + price) ** a_price * (1 - p_send_back) ** a_back"
[stages.ranking.params]
a_cart = { production = 0.5, low = 0.0, high = 3.0 }
a_price = { production = 0.0, low = 0.0, high = 1.0 }
a_back = { production = 0.0, low = 0.0, high = 30.0 }
[metrics]
revenue = { goal = "maximize", covariate = "revenue_before" }
next_day_return = { kind = "proportion", matures_after_days = 1 }
sent_back = { kind = "ratio", numerator = "send_backs", denominator = "purchases" }
[guardrails]
next_day_return = ">= -1%"
[experiment]
users_per_arm = 2000
days = 3
[confirm]
users_per_arm = 2000
days = 3
[simulator]
world = "shop"
users = 100_000
items = 1_000
candidates = 100
"""


def _levels(text, **treated):
    """Per column, the mean of control and of the treated arm."""
    task = Task.model_validate(tomllib.loads(text))
    backend = SimulatorBackend(BackendContext(task, 1))
    assert not list(lacking(task, backend.capabilities()))
    production = Config(task.production)
    arms = (Arm("control", production), Arm("treated", Config({**production.values, **treated})))
    spec = ExperimentSpec("k", "explore", task.task.surface, arms, USERS, 3, EPOCH, "salt")
    found = backend.observe(backend.create(spec, spec.key), EPOCH + timedelta(days=4))
    means = [np.asarray(arm.sums) / arm.n for arm in found.arms]
    return {name: (float(means[0][i]), float(means[1][i])) for i, name in enumerate(found.columns)}


def test_news_can_be_tuned_for_long_reads():
    levels = _levels(NEWS, a_read=3.0, w_hide=20.0)
    assert levels["read_minutes"][0] > 0
    assert levels["hides"][1] < levels["hides"][0]
    assert levels["long_reads"][1] / levels["clicks"][1] > levels["long_reads"][0] / levels["clicks"][0]


def test_the_shop_can_be_tuned_for_price():
    levels = _levels(SHOP, a_price=0.4)
    assert 0 < levels["purchases"][0] < levels["carts"][0] < levels["clicks"][0]
    assert levels["purchases"][1] < levels["purchases"][0]
    assert levels["revenue"][0] / levels["purchases"][0] < levels["revenue"][1] / levels["purchases"][1]


@pytest.mark.parametrize("text", [NEWS, SHOP])
def test_a_world_of_ones_own_is_found_beside_the_task(text, tmp_path):
    raw = tomllib.loads(text)
    name = raw["simulator"]["world"]
    (tmp_path / "mine.toml").write_text(text_of(name), encoding="utf-8")
    raw["simulator"]["world"] = "mine.toml"
    task = Task.model_validate(raw)
    backend = SimulatorBackend(BackendContext(task, 1, folder=tmp_path))
    assert {"clicks", "hides"} <= set(backend.capabilities().metrics)
