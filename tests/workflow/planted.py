"""A backend whose truth is planted: statistics are drawn directly, so a campaign takes a second.

A single-file plugin like any other. `PLANTED`, a JSON object in the environment, plants faults; `log` names a
file to which every call is appended, as a platform outside the process would keep it.
"""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import numpy as np

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import (
    ArmMoments,
    BackendError,
    Capabilities,
    Moments,
    Panel,
)
from rectune_dsl.hooks.specs import hookimpl

COLUMNS = ("gain", "harm")
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
BASE = np.array([1.0, 1.0])
SPREAD = np.array([0.5, 0.5])


@hookimpl
def rectune_register_backends(register):
    register("planted", PlantedBackend)


class PlantedBackend:
    def __init__(self, context):
        self.space = Space(context.task)
        self.options = json.loads(os.environ.get("PLANTED", "{}"))
        self.specs = {}
        self.exposures = {}
        if self.options.get("panel"):
            self.panel = self._panel

    def capabilities(self):
        return Capabilities(
            metrics=COLUMNS,
            signals=self.options.get("signals"),
            keys=(),
            virtual_time=self.options.get("virtual_time", True),
            randomises=True,
            real_traffic=self.options.get("real_traffic", False),
            population=self.options.get("population", 10_000_000),
            description="a planted truth",
            serves=self.options.get("serves", True),
        )

    def check(self):
        return self.options.get("problems", [])

    def create(self, spec, key):
        self._log("create", key)
        if self.options.get("refuse"):
            raise BackendError("the platform refuses", help="ask it nicely")
        self.specs[key] = spec
        return f"planted:{key}"

    def start(self, experiment):
        self._log("start", experiment)

    def set_exposure(self, experiment, fraction, arm=None, at=None):
        self._log("expose", experiment, fraction, arm)
        if arm is None:
            self.exposures.setdefault(experiment, {})[at] = fraction

    def stop(self, experiment, outcome):
        self._log("stop", experiment, outcome)

    def deliver(self, config):
        self._log("deliver", dict(config.values))

    def rollback(self):
        self._log("rollback")

    def baseline(self, days):
        return Moments(
            as_of=EPOCH + timedelta(days=days),
            columns=COLUMNS,
            arms=(self._arm("control", BASE, 20_000, "base", days),),
        )

    def observe(self, experiment, as_of):
        spec = self.specs[experiment.removeprefix("planted:")]
        days = min((as_of - spec.start) / timedelta(days=1), spec.lasts)
        set_before = {at: f for at, f in self.exposures.get(experiment, {}).items() if at < as_of}
        served = set_before[max(set_before)] if set_before else 1.0
        came = self.options.get("turnout", 1.0)
        users = max(int(came * spec.users_per_arm * served * min(1, 0.5 + 0.5 * days / spec.lasts)), 2)
        users = users if came else 0
        arms = []
        for number, arm in enumerate(spec.arms):
            count = users - users // 10 if self.options.get("srm") and number == 1 else users
            arms.append(self._arm(arm.name, BASE * (1 + self.lifts(arm.config)), count, spec.salt, int(days)))
        late = {column: as_of - timedelta(days=days) for column, days in self.options.get("late", {}).items()}
        return Moments(as_of=as_of, columns=COLUMNS, arms=tuple(arms), complete_until=late)

    def _panel(self, requests):
        self._log("panel", requests)
        rng = np.random.default_rng(1)
        heads = {name: rng.uniform(size=(requests, 30)).astype(np.float32) for name in ("p", "q")}
        drawn = self.options["panel"] == "drawn"
        return Panel({"ranking": heads}, {}, np.arange(requests * 30).reshape(requests, 30), is_drawn=drawn)

    def lifts(self, config):
        """The truth: the gain is largest at .7 of each range, harm grows with the first param."""
        point = self.space.to_unit(config.values) - 0.7
        start = self.space.production - 0.7
        gain = 0.2 * (float(start @ start) - float(point @ point))
        harm = self.options.get("harm", 0.02) * float(
            self.space.to_unit(config.values)[0] - self.space.production[0]
        )
        return np.array([gain, harm])

    def _arm(self, name, mean, users, salt, day):
        digest = hashlib.sha256(f"{salt}/{name}/{day}".encode()).digest()
        rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
        seen = mean + SPREAD / np.sqrt(max(users, 1)) * rng.normal(size=2)
        products = users * (np.outer(seen, seen) + np.diag(SPREAD**2))
        return ArmMoments(
            name, users, users, tuple(map(float, users * seen)), tuple(map(tuple, products.tolist()))
        )

    def _log(self, *call):
        """Writes a call down; `lost` is a call that is done and not answered."""
        if path := self.options.get("log"):
            with open(path, "a") as log:
                log.write(json.dumps(call) + "\n")
        if call[0] == self.options.get("lost"):
            raise BackendError("no answer came", help="ask again")
