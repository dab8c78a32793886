"""What `check` says before a campaign, and what settings may be."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from rectune_growthbook.testing import Metric

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, UsageError


def changed(lab, **tables):
    """The task with tables merged key by key."""
    task = tomllib.loads(lab.text)
    for name, table in tables.items():
        task[name] = {**task.get(name, {}), **table}
    return Task.model_validate(task)


def test_all_is_well(lab):
    backend = lab.backend()
    assert backend.check() == []
    can = backend.capabilities()
    assert (can.real_traffic, can.virtual_time, can.randomises, can.winsorises) == (True, False, True, False)
    assert (can.population, can.metrics) == (3600, ("watch_minutes", "hate_rate", "next_day_return"))
    assert (can.units, can.quantiles) == (("user",), ())


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"holdout": {"share": 0.1}}, "[holdout] cannot be kept"),
        ({"experiment": {"unit": "household"}}, "remove `unit` = 'household'"),
        ({"experiment": {"delivery": "flagd"}}, "remove `delivery`"),
        ({"metrics": {"watch_minutes": {"goal": "maximize", "covariate": "before"}}}, "remove `covariate`"),
        (
            {"metrics": {"skips": {"kind": "ratio", "numerator": "skip", "denominator": "seen"}}},
            "`skips` is a ratio of columns",
        ),
        ({"metrics": {"slow": {"kind": "quantile", "quantile": 0.9}}}, "`slow` is a quantile"),
    ],
)
def test_what_a_task_asks_for_and_cannot_have_is_said_before_anything_is_asked(lab, tables, said):
    assert any(said in sentence for sentence in lab.backend(changed(lab, **tables)).check())
    assert lab.server.requests == []


def test_settings_that_cannot_be_are_errors_that_say_what_to_write(lab):
    for settings, said in (
        ({"url": "growthbook.example"}, "`url`"),
        ({"url": "https://[growthbook/api/v1"}, "`url`"),
        ({"url": "http://gb.example.com/api/v1"}, "write https://"),
        ({"url": "https://ada:s3cret@gb.example.com/api/v1"}, "leave the user and the password out"),
        ({"url": "http://s3cret@127.0.0.1:3100/api/v1"}, "leave the user and the password out"),
        ({"population": 0}, "`population`"),
        ({"metrics": {}}, "`metrics`"),
        ({"featur": "feed"}, "there is no `featur`"),
        ({"api_key": "secret_1"}, "there is no `api_key`"),
    ):
        with pytest.raises(UsageError) as refused:
            lab.backend(**settings)
        assert said in str(refused.value)
        assert "feature" in refused.value.help
        assert not {"secret_1", "s3cret"} & set(re.findall(r"\w+", f"{refused.value} {refused.value.help}"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"feature": "fede"}, "there is no feature fede"),
        ({"environment": "staging"}, "has no environment 'staging'"),
        ({"environment": "dev"}, "is not enabled in environment dev"),
        ({"datasource": "ds_9"}, "there is no data source ds_9"),
        ({"assignment_query": "device"}, "has no assignment query device, but user_id"),
        ({"metrics": {"watch_minutes": "fact__munites"}}, "is no metric of GrowthBook's"),
        ({"metrics": {"watch_minutes": "met_1"}}, "is no metric of GrowthBook's"),
        ({"metrics": {"watch_minutes": "fact__hate_rate"}}, "less is better: one is wrong"),
    ],
)
def test_what_is_not_there_is_said(lab, settings, said):
    found = lab.backend(**settings).check()
    assert any(said in sentence for sentence in found), found


def test_production_has_to_be_what_the_feature_serves(lab):
    lab.platform.flag["defaultValue"] = '{"w_like": 1.25}'
    found = lab.backend().check()
    assert any("has w_like = 1.25, the task's production 1.0" in sentence for sentence in found), found
    assert any("has no `w_hate`" in sentence for sentence in found), found
    lab.platform.flag["defaultValue"] = "on"
    assert "is no JSON object: on" in lab.backend().check()[0]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"type": "force"}, "the force rule fr_x of feature feed serves everybody"),
        ({"type": "force", "condition": "{}"}, "serves everybody"),
        ({"type": "rollout", "coverage": 1}, "the rollout rule fr_x of feature feed serves everybody"),
        ({"type": "rollout", "coverage": 0.25}, "serves 25% of the users"),
        ({"type": "safe-rollout"}, "the safe-rollout rule fr_x"),
        ({"type": "force", "enabled": False}, ""),
        ({"type": "force", "condition": '{"country": "NZ"}'}, ""),
        ({"type": "force", "savedGroupTargeting": [{"matchType": "any", "savedGroups": ["g"]}]}, ""),
        ({"type": "force", "prerequisites": [{"id": "other", "condition": "{}"}]}, ""),
        ({"type": "rollout", "coverage": 0}, ""),
        ({"type": "experiment-ref", "experimentId": "theirs"}, ""),
    ],
)
def test_a_rule_that_leaves_experiments_nobody_is_said(lab, rule, said):
    rules = lab.platform.flag["environments"]["production"]["rules"]
    rules.append({"id": "fr_x", "enabled": True, "value": "{}", **rule})
    found = lab.backend().check()
    assert len(found) == bool(said), found
    assert all(said in sentence and "disable it, or give it a condition" in sentence for sentence in found)


def test_after_its_own_delivery_a_run_can_be_resumed(lab):
    backend = lab.backend()
    backend.deliver(Config({"w_like": 2.0, "w_hate": 1.0}))
    assert lab.backend().check() == []


def test_a_platform_without_a_key_or_an_answer_is_a_sentence(lab, monkeypatch):
    backend = lab.backend(url="http://127.0.0.1:9/api/v1")
    (said,) = backend.check()
    assert said.startswith(
        "GrowthBook cannot be asked: GET http://127.0.0.1:9/api/v1/features/feed cannot be"
    )
    monkeypatch.delenv("GROWTHBOOK_API_KEY")
    assert lab.backend().check() == ["GROWTHBOOK_API_KEY is not set: put a secret key of GrowthBook there"]


def test_a_population_that_is_too_small_is_noticed(lab):
    backend, spec = lab.backend(population=3600 // 3), lab.spec(users_per_arm=100)
    experiment = backend.create(spec, spec.key)
    backend.start(experiment)
    lab.pass_days(3)
    backend.observe(experiment, lab.platform.now)
    assert backend.check() == []  # it may still run
    backend.stop(experiment, "finished")
    (said,) = backend.check()
    assert "where 300 were planned: `population` should be about 3," in said


def test_legacy_metrics_are_known_by_their_sql(lab, monkeypatch):
    from rectune_growthbook.testing.platform import Platform

    legacy = {
        "type": "revenue",
        "datasourceId": "ds_1",
        "behavior": {"goal": "increase"},
        "sql": {"denominatorMetricId": "met_2"},
    }
    answer = Platform.answer

    def with_legacy(self, method, path, query, body):
        return {"metric": legacy} if path[0] == "metrics" else answer(self, method, path, query, body)

    monkeypatch.setattr(Platform, "answer", with_legacy)
    backend = lab.backend(metrics={"watch_minutes": "met_1"})
    assert backend.check() == []
    assert backend._definitions.of("watch_minutes").is_ratio
    legacy["behavior"]["goal"] = "decrease"
    assert "less is better" in lab.backend(metrics={"watch_minutes": "met_1"}).check()[0]


def test_quantiles_of_growthbook_s_are_refused(lab):
    lab.platform.metrics = (*lab.platform.metrics, Metric("fact__p90", "quantile", "minutes"))
    said = lab.backend(metrics={"watch_minutes": "fact__p90"}).check()
    assert "whose error the API does not tell" in said[0]


def test_what_rectune_keeps_on_growthbook_is_readable(lab):
    backend, spec = lab.backend(), lab.spec()
    experiment = lab.platform.experiments[backend.create(spec, spec.key)]
    assert experiment["trackingKey"].startswith("rectune-run-1-round-1-")
    assert experiment["name"] == "home-feed: explore, 2026-03-02"
    words, note, memo = experiment["description"].rsplit("\n", 2)
    assert words.startswith("Made by rectune as run-1/round-1.")
    assert "leave it as it is" in note
    assert json.loads(memo.removeprefix("rectune: "))["salt"] == spec.salt
    described = [json.loads(one["description"]) for one in experiment["variations"]]
    assert described == [dict(arm.config.values) for arm in spec.arms]
