"""The feature whose value is the config: its default is production, and a rule serves each experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rectune_dsl.hooks.api import BackendError, Config, ExperimentSpec
from rectune_growthbook.client import Client
from rectune_growthbook.experiments import Experiment
from rectune_growthbook.memo import memo_of, noted
from rectune_growthbook.settings import GrowthBookSettings
from rectune_growthbook.wire import Record

Rule = dict[str, Any]
Value = dict[str, Any]


@dataclass(frozen=True)
class Feature:
    """As it is now. `default` is what everybody without an experiment is served; of what rectune delivered
    last, `before` and `delivered` are the values, None where there is nothing to undo."""

    record: Record
    enabled: bool
    default: Value
    rules: tuple[Rule, ...]
    before: Value | None
    delivered: Value | None

    @property
    def greedy(self) -> list[Record]:
        """Rules of others that serve users as they come, all or a part of them. A rule is reached by those
        whom none before it serves, and an experiment's is the last."""
        rules = [Record(rule, "a rule of the feature") for rule in self.rules]
        return [rule for rule in rules if _is_greedy(rule)]


class Flag:
    """Reads and writes the feature. Rules of others stay as they are; so do the fields of the value that are
    no params. Every write is of what was just read: nobody else should write at the same time."""

    def __init__(self, client: Client, settings: GrowthBookSettings) -> None:
        self._client = client
        self._settings = settings

    def read(self) -> Feature:
        name, place = self._settings.feature, self._settings.environment
        record = self._client.get("features", name).record("feature")
        environments = record.record("environments")
        if place not in environments.fields:
            raise BackendError(
                f"feature {name} has no environment {place!r}",
                help=f"write one of {', '.join(environments.fields)} as `environment`",
            )
        served = environments.record(place)
        memo = memo_of(record.maybe("description", ""))
        before, delivered = memo.get("before"), memo.get("delivered")
        return Feature(
            record,
            served.flag("enabled"),
            _value(record.text("defaultValue"), name),
            tuple(dict(rule.fields) for rule in served.records("rules")),
            before if isinstance(before, dict) else None,
            delivered if isinstance(delivered, dict) else None,
        )

    def compare(self, spec: ExperimentSpec) -> None:
        """Raises BackendError unless control is what everybody is served."""
        feature = self.read()
        control = spec.arms[0].config.values
        if differing := [name for name, value in control.items() if feature.default.get(name) != value]:
            name = differing[0]
            raise BackendError(
                f"the feature {self._settings.feature} has {name} = {feature.default.get(name)} by default, "
                f"and control is to be {control[name]}",
                help="write what production is into the task: `production` of its params",
            )

    def link(self, experiment: Experiment, spec: ExperimentSpec) -> None:
        """Serve an experiment's variations, each its config, where it is not done. It has to run for that."""
        feature = self.read()
        if _place(feature, experiment) is not None:
            return
        values = [
            {"variationId": experiment.variations[arm.name], "value": _merged(feature.default, arm.config)}
            for arm in spec.arms
        ]
        rule = {
            "type": "experiment-ref",
            "description": "Made by rectune",
            "enabled": True,
            "experimentId": experiment.id,
            "variations": values,
        }
        self._write(feature, (*feature.rules, rule))

    def unlink(self, experiment: Experiment) -> None:
        """Serve it no more."""
        feature = self.read()
        if (at := _place(feature, experiment)) is not None:
            self._write(feature, (*feature.rules[:at], *feature.rules[at + 1 :]))

    def stop_arm(self, experiment: Experiment, arm: str) -> None:
        """Serve production to an arm's users: so nobody else moves, and they stay in their arm."""
        feature = self.read()
        at = _place(feature, experiment)
        if at is None:
            raise BackendError(
                f"the feature {self._settings.feature} has no rule for experiment {experiment.id}",
                help="was it removed by hand? stop the experiment, nobody is served by it",
            )
        rule = Record(feature.rules[at], "the experiment's rule")
        stopped = experiment.variations[arm]
        values = [dict(one.fields) for one in rule.records("variations")]
        for value in values:
            if value.get("variationId") == stopped:
                value["value"] = json.dumps(feature.default, sort_keys=True)
        if values != rule.fields["variations"]:
            changed = {**rule.fields, "variations": values}
            self._write(feature, (*feature.rules[:at], changed, *feature.rules[at + 1 :]))

    def deliver(self, config: Config) -> None:
        feature = self.read()
        wanted = {**feature.default, **config.values}
        if wanted != feature.default:
            self._default(feature, wanted, {"before": feature.default, "delivered": wanted})

    def rollback(self) -> None:
        feature = self.read()
        if feature.before is None:
            return
        if feature.default != feature.delivered:
            raise BackendError(
                f"the default of feature {self._settings.feature} was changed since rectune delivered it",
                help="decide by hand what it should be: rectune would undo somebody else's change",
            )
        self._default(feature, feature.before, {})

    def _default(self, feature: Feature, value: Value, memo: Mapping[str, Any]) -> None:
        body = {
            "defaultValue": json.dumps(value, sort_keys=True),
            "description": noted(feature.record.maybe("description", ""), memo),
        }
        self._client.post("features", self._settings.feature, body=body)

    def _write(self, feature: Feature, rules: tuple[Rule, ...]) -> None:
        # some versions take a rule's condition for one of its experiment's, which is not the rule's to change
        sent = [
            {name: value for name, value in rule.items() if name != "condition"} if _is_ours(rule) else rule
            for rule in rules
        ]
        place = {"enabled": feature.enabled, "rules": sent}
        body = {"environments": {self._settings.environment: place}}
        self._client.post("features", self._settings.feature, body=body)


def _place(feature: Feature, experiment: Experiment) -> int | None:
    """Where among the rules that of an experiment is."""
    ids = [rule.get("experimentId") for rule in feature.rules]
    return ids.index(experiment.id) if experiment.id in ids else None


def _is_greedy(rule: Record) -> bool:
    is_targeted = (
        rule.maybe("condition", "").strip() not in ("", "{}")
        or rule.maybe("savedGroupTargeting", list[object]())
        or rule.maybe("prerequisites", list[object]())
    )
    serves = rule.maybe("type", "") in ("force", "rollout", "safe-rollout") and rule.maybe("enabled", True)
    return serves and not is_targeted and rule.fields.get("coverage") != 0


def _is_ours(rule: Mapping[str, Any]) -> bool:
    return rule.get("type") == "experiment-ref" and rule.get("description") == "Made by rectune"


def _merged(default: Value, config: Config) -> str:
    """A config as the feature's value, with what else the value has."""
    return json.dumps({**default, **config.values}, sort_keys=True)


def _value(text: str, name: str) -> Value:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BackendError(
            f"the default value of feature {name} is no JSON object: {text[:60]}",
            help='make it a JSON feature, such as {"w_like": 0.5}, with a number for every param',
        )
    return found
