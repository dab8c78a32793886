"""The planted regression tries the guardrail: with it nothing ships, without it most would."""

import tomllib

import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.testing.regressions import level, planted, regression

TASK = """
dsl = 1
task = { name = "small", surface = "feed" }
signals.p_click = {}
signals.p_like = {}
signals.is_new = { kind = "user" }
stages.ranking.keep = 10
stages.ranking.score = "p_click + w * p_like"
stages.ranking.params.w = { production = 1, low = 0.1, high = 5 }
experiment.users_per_arm = 8000
experiment.days = 3
confirm = { users_per_arm = 60_000, days = 3 }
"""
SHAPES = {
    "a star that outweighs the other": (
        "likes",
        'metrics = { watch = { goal = "maximize", weight = 0.1 }, likes = { goal = "maximize" } }\n'
        'guardrails = { likes = ">= -5%" }',
    ),
    "a ratio of a star": (
        "ctr",
        'metrics.clicks.goal = "maximize"\n'
        'metrics.ctr = { kind = "ratio", numerator = "clicks", denominator = "impressions" }\n'
        'guardrails = { ctr = ">= -2%" }',
    ),
    "a quantile": (
        "wait_p90",
        'metrics.watch.goal = "maximize"\nguardrails.wait_p90 = "<= +9%"\n'
        'metrics.wait_p90 = { kind = "quantile", column = "wait", quantile = 0.9 }',
    ),
    "households": (
        "returned",
        'metrics = { watch = { goal = "maximize" }, returned = { kind = "proportion" } }\n'
        'experiment.unit = "household"\nguardrails.returned = ">= -5%"',
    ),
    "a level of a star": ("watch", 'metrics.watch.goal = "maximize"\nguardrails.watch = ">= 12"'),
    "a level of a star that shall fall": (
        "errors",
        'metrics.errors.goal = "minimize"\nguardrails.errors = "<= 5"',
    ),
    "a ratio whose numerator is guarded too": (
        "hate_rate",
        'metrics.watch.goal = "maximize"\n'
        'metrics.hate_rate = { kind = "ratio", numerator = "hates", denominator = "impressions" }\n'
        'guardrails = { hate_rate = "<= +15%", hates = "<= +5%" }',
    ),
    "a denominator of a star": (
        "impressions",
        'metrics.ctr.goal = "maximize"\nmetrics.ctr.kind = "ratio"\n'
        'metrics.ctr.numerator = "clicks"\nmetrics.ctr.denominator = "impressions"\n'
        'guardrails = { impressions = ">= -1%", next_day_return = ">= -5%" }',
    ),
    "a star with an upper limit": (
        "next_day_return",
        'metrics.watch.goal = "maximize"\nguardrails = { watch = "<= +25%", next_day_return = ">= -1%" }',
    ),
    "a large limit of a proportion": (
        "reported",
        'metrics = { watch = { goal = "maximize" }, reported = { kind = "proportion" } }\n'
        'guardrails.reported = "<= +300%"',
    ),
    "a proportion": (
        "next_day_return",
        'metrics = { watch = { goal = "maximize" }, next_day_return = { kind = "proportion" } }\n'
        'guardrails.next_day_return = ">= -1%"',
    ),
    "a level of a ratio": (
        "hate_rate",
        'metrics.watch.goal = "maximize"\n'
        'metrics.hate_rate = { kind = "ratio", numerator = "hates", denominator = "impressions" }\n'
        'guardrails.hate_rate = "<= 0.2"',
    ),
    "a segment's": (
        "new.watch",
        'metrics.watch.goal = "maximize"\n'
        'segments.new.when = "is_new"\n'
        'segments.new.guardrails = { next_day_return = ">= -3%", watch = ">= -5%" }',
    ),
}


def task_of(tables: str) -> Task:
    return Task.model_validate(tomllib.loads(TASK + tables))


@pytest.mark.parametrize(("metric", "tables"), SHAPES.values(), ids=SHAPES)
def test_the_guardrail_decides(metric: str, tables: str) -> None:
    found = regression(task_of(tables), metric, 60)
    assert found.is_tried, found
    assert found.without > found.allowed
    assert found.shipped <= found.allowed, found.words


@pytest.mark.parametrize(("metric", "tables"), SHAPES.values(), ids=SHAPES)
def test_the_guarded_metric_lies_just_past_its_limit(metric: str, tables: str) -> None:
    task = task_of(tables)
    limit, judged = task.guarded[metric], task.judged[metric]
    before, after = (level(users, judged, metric) for users in planted(task, metric))
    reached = after / before - 1 if limit.relative else after
    assert not limit.holds(reached)
    assert reached == pytest.approx(limit.bound, abs=1e-4)
    for name, other in task.guarded.items():
        if name != metric:
            kept = [level(users, task.judged[name], name) for users in planted(task, metric)]
            assert other.holds(kept[1] / kept[0] - 1 if other.relative else kept[1]), name


def test_a_limit_that_the_goal_implies_is_not_tried() -> None:
    task = task_of('metrics.watch.goal = "maximize"\nguardrails.watch = ">= -5%"')
    assert not regression(task, "watch", 40).is_tried
