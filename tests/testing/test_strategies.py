"""What the strategies draw is valid, covers the language, and shrinks to what a person can read."""

import subprocess
import sys
from datetime import timedelta
from random import Random

import numpy as np
import pytest
import tomli_w
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.formula import Call, names, parse, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.space import Space
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import Moments
from rectune_dsl.testing.population import level, population
from rectune_dsl.testing.regressions import confirmation, planted, regression, spec
from rectune_dsl.testing.strategies import configs, formulas, observations, tasks
from rectune_dsl.testing.strategies.tasks import tables
from rectune_dsl.workflow.compile import compile_task

REPEATABLE = settings(max_examples=50, database=None)
QUIET = settings(
    max_examples=300, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def drawn():
    """Tables as they are drawn, before anything is thrown away."""
    found = []

    @QUIET
    @given(tables())
    def keep(drawn):
        found.append(drawn)

    keep()
    return found


@given(tasks())
@settings(max_examples=40)
def test_a_task_has_no_error_and_compiles(written):
    checked = check(Source("task.toml", written.text), Environment())
    assert checked.errors == ()
    assert checked.task == written.task
    assert compile_task(written.task).steps
    assert Space(written.task).sample(np.random.default_rng(0), 3).shape == (3, len(written.task.params))


PARTS = {
    "three stages": lambda task: len(task.stages) == 3,
    "terms": lambda task: any(s.terms for s in task.stages.values()),
    "filters": lambda task: any(s.filters for s in task.stages.values()),
    "boosts": lambda task: any(s.boosts for s in task.stages.values()),
    "contracts": lambda task: any(s.expect for s in task.stages.values()),
    "diversity": lambda task: any(s.diversity for s in task.stages.values()),
    "curves": lambda task: any("curve" in s.score.text for s in task.stages.values()),
    "ordered vectors": lambda task: task.ordered,
    "segments": lambda task: task.segments,
    "sources": lambda task: task.sources,
    "constraints": lambda task: task.constraints,
    "a holdout": lambda task: task.holdout,
    "all kinds of metrics": lambda task: len({m.kind for m in task.judged.values()}) == 3,
    "absolute limits": lambda task: any(not g.relative for g in task.guarded.values()),
    "whole numbers": lambda task: any(p.type == "int" for p in task.params.values()),
    "log scales": lambda task: any(p.scale == "log" for p in task.params.values()),
}


def test_every_part_of_the_language_is_drawn(drawn):
    found = [Task.model_validate(t) for t in drawn]
    assert [name for name, has in PARTS.items() if not any(has(task) for task in found)] == []


def test_hardly_a_draw_is_thrown_away(drawn):
    checked = [check(Source("t.toml", tomli_w.dumps(t)), Environment()) for t in drawn]
    assert sum(c.task is not None for c in checked) >= 0.9 * len(checked)


def test_a_failure_shrinks_to_a_page():
    def has_three_stages(written):
        return len(written.task.stages) == 3

    found = find(tasks(), has_three_stages, settings=REPEATABLE, random=Random(0))
    assert len(found.text.splitlines()) <= 60, found.text
    assert found.text in repr(found)


@pytest.mark.slow
def test_the_smallest_task_is_one_to_start_from():
    text = find(tasks(), lambda written: True, settings=REPEATABLE, random=Random(0)).text
    assert 'score = "p_click + w1 * p_like"' in text
    assert check(Source("task.toml", text), Environment()).problems == ()


@given(st.data())
@settings(max_examples=30)
def test_a_config_is_feasible(data):
    task = data.draw(tasks()).task
    config = data.draw(configs(task))
    assert Space(task).violations(config) == ()


def test_configs_shrink_to_production():
    task = check(Source("full.toml", FULL), Environment()).task
    assert find(configs(task), lambda config: True, settings=REPEATABLE, random=Random(0)) == task.production


@given(formulas(["p", "q"], ["w"]))
def test_a_formula_reads_what_it_is_given(text):
    assert {n.name for n in names(parse(text))} <= {"p", "q", "w"}


def test_every_function_is_drawn():
    found = set()

    @settings(QUIET, max_examples=1000)
    @given(formulas(["p"], ["w"]))
    def read(text):
        found.update(node.function for node in walk(parse(text)) if isinstance(node, Call))

    read()
    assert found == FUNCTIONS.keys()


@given(st.data())
@settings(max_examples=30)
def test_an_observation_is_one_that_a_verdict_can_be_made_of(data):
    task = data.draw(tasks()).task
    observation = data.draw(observations(task))
    found = verdict(task, observation, spec=spec(task), confirmation=1)
    assert found.decision in ("ship", "hold", "keep production")
    if isinstance(observation, Moments):
        columns = {c for n, m in task.judged.items() for c in m.columns(n)}
        assert {*observation.columns, *observation.missing} == columns


def test_without_hypothesis_the_extra_is_named():
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "try:\n    import rectune_dsl.testing.strategies\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'rectune[test]'" in done.stdout


# --- the users that guardrails are tried on ---------------------------------------------------------

FULL = """
dsl = 1
task = { name = "full", surface = "feed" }
signals = { p = {}, q = {}, is_new = { kind = "user", domain = [0, 1] } }
stages.ranking = { keep = 10, score = "p + w * q", params.w = { production = 1, low = 0.5, high = 2 } }
[metrics]
watch = { goal = "maximize", covariate = "watch_before" }
errors = { goal = "minimize", weight = 0.5 }
return = { kind = "proportion", matures_after_days = 1 }
hide_rate = { kind = "ratio", numerator = "hides", denominator = "views" }
[guardrails]
return = ">= -1%"
hide_rate = "<= +15%"
latency_ms = "<= 120"
errors = "<= +2%"
[segments.new]
when = "is_new > 0.5"
guardrails = { watch = ">= -5%", return = ">= -3%", hide_rate = "<= +20%" }
[experiment]
users_per_arm = 1000
days = 1
[confirm]
users_per_arm = 60_000
days = 3
"""


@pytest.fixture(scope="module")
def task():
    checked = check(Source("full.toml", FULL), Environment())
    assert checked.task is not None, checked.problems
    return checked.task


def test_what_is_planted_is_true_of_the_users(task):
    for broken, limit in task.guarded.items():
        control, treated = planted(task, broken)
        at = {side: level(c, task.judged[broken], broken) for side, c in (("c", control), ("t", treated))}
        truth = at["t"] / at["c"] - 1 if limit.relative else at["t"]
        assert not limit.holds(truth)
        assert truth == pytest.approx(limit.bound, abs=1e-5 if limit.relative else 1e-3)


def test_an_arm_has_the_users_it_is_drawn_from(task):
    users = population(task)
    moments = confirmation(task, users, users, seed=0)
    n = task.confirm.users_per_arm
    for arm in moments.arms:
        products = np.array(arm.products)
        for i, (name, column) in enumerate(users.items()):
            variance = products[i, i] / n - (arm.sums[i] / n) ** 2
            assert arm.sums[i] / n == pytest.approx(column.mean, abs=5 * (variance / n) ** 0.5), name
        assert np.linalg.eigvalsh(products).min() > -1e-6 * products.max()
    at = moments.columns.index("return")
    assert moments.arms[0].products[at][at] == moments.arms[0].sums[at]  # of ones and noughts


def test_a_gain_that_breaks_nothing_ships(task):
    control, treated = planted(task, None)
    decisions = [
        verdict(task, confirmation(task, control, treated, seed), spec=spec(task), confirmation=1).decision
        for seed in range(20)
    ]
    assert decisions.count("ship") >= 19


def test_every_guardrail_stops_what_breaks_it(task):
    for metric in task.guarded:
        found = regression(task, metric, 60)
        assert found.shipped <= found.allowed


def test_a_guardrail_that_is_ignored_is_found(task, monkeypatch):
    """With verdicts that overlook the guardrail, nearly all confirmations ship."""
    from rectune_dsl.testing import regressions

    def careless(task, *arguments, **named):
        return verdict(task.model_copy(update={"guardrails": {}, "segments": {}}), *arguments, **named)

    monkeypatch.setattr(regressions, "verdict", careless)
    for metric in ("return", "new.watch"):
        found = regression(task, metric, 40)
        assert found.shipped > found.allowed


def test_the_horizon_of_a_confirmation_includes_what_matures(task):
    users = population(task)
    moments = confirmation(task, users, users, seed=0)
    assert moments.as_of - spec(task).start == timedelta(days=4)
