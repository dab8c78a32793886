"""The server's feature: as it is told, as it is shown, and as SDKs load it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rectune_growthbook.testing.shapes import FEATURE, Fields, Refusal, known


def new_flag(name: str, environment: str, production: Mapping[str, float]) -> Fields:
    """Serves production to everybody in one environment; another one is not enabled."""
    served: Fields = {"enabled": True, "rules": []}
    return {
        "id": name,
        "archived": False,
        "description": "Weights of the feed.",
        "valueType": "json",
        "defaultValue": json.dumps(dict(production)),
        "environments": {environment: served, "dev": {"enabled": False, "rules": []}},
    }


def shown_flag(flag: Fields, revisions: Sequence[Fields]) -> Fields:
    places = {
        name: {
            **place,
            "rules": [{"condition": "", **rule} for rule in place["rules"]],
            "definition": "{}",
        }
        for name, place in flag["environments"].items()
    }
    return {**flag, "environments": places, "revision": {"version": len(revisions) + 1}}


def update_flag(flag: Fields, body: Fields, revisions: list[Fields]) -> Fields:
    """The flag, changed; what it was is added to the revisions. Raises Refusal."""
    known(body, FEATURE)
    revisions.append(json.loads(json.dumps(flag)))
    flag |= {name: value for name, value in body.items() if name != "environments"}
    for name, place in body.get("environments", {}).items():
        if name not in flag["environments"]:
            raise Refusal(f"Environment key '{name}' does not exist")
        rules = [{"id": f"fr_{len(revisions)}_{i}", **rule} for i, rule in enumerate(place["rules"])]
        flag["environments"][name] = {"enabled": place["enabled"], "rules": rules}
    return flag


def loaded(flag: Fields, environment: str, experiments: Mapping[str, Fields]) -> Fields:
    """The flag as SDKs load it."""
    place = flag["environments"][environment]
    rules = [_loaded(rule, experiments) for rule in place["rules"] if rule.get("enabled", True)]
    default = json.loads(flag["defaultValue"])
    return {"defaultValue": default, "rules": [rule for rule in rules if rule is not None]}


def _loaded(rule: Fields, experiments: Mapping[str, Fields]) -> Fields | None:
    """None for a rule that serves nobody."""
    if rule["type"] == "force":
        one = {"seed": "", "hashVersion": 2, "coverage": 1.0, "weights": [1.0]}
        return {**one, "variations": [json.loads(rule["value"])]}
    found = experiments[rule["experimentId"]]
    if found["status"] != "running" or found["excludeFromPayload"]:
        return None
    phase, values = found["phases"][-1], {one["variationId"]: one["value"] for one in rule["variations"]}
    served: Fields = {
        "key": found["trackingKey"],
        "seed": phase["seed"],
        "hashAttribute": found["hashAttribute"],
        "hashVersion": found["hashVersion"],
        "coverage": phase["coverage"],
        "weights": phase["variationWeights"],
        "variations": [json.loads(values[one["variationId"]]) for one in found["variations"]],
        "meta": [{"key": one["key"]} for one in found["variations"]],
    }
    if phase.get("condition"):
        served["condition"] = json.loads(phase["condition"])
    if space := phase.get("namespace"):
        served["namespace"] = [space["namespaceId"], *space["range"]]
    return served
