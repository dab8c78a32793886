"""A small product for the contract: people who come, arms that are served, rows that are written."""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from trials import DAY, EVENTS, EXPOSURES, warehouse

from rectune_dsl.hooks.api import HOLDOUT, USER, Arm, BackendError, Config, ExperimentSpec
from rectune_dsl.testing.backend_contract import Rig, Row

PEOPLE = tuple(f"u{number}" for number in range(1_200))
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
LATE = 20
"""Hours after which comments are written."""


def share(*keys: object) -> float:
    """A number of its own from 0 to 1."""
    digest = hashlib.sha256("/".join(map(str, keys)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def household(user: str) -> str:
    return f"h{int(user[1:]) // 3}"


@dataclass
class Trial:
    spec: ExperimentSpec
    share: float
    started: bool = False
    ended: bool = False
    fraction: float = 1.0
    gone: set[str] = field(default_factory=set)

    def arm(self, user: str) -> str | None:
        """By hashes: a gate, which the ramp opens, and a split, which it leaves alone."""
        spec = self.spec
        unit = user if spec.unit == USER else household(user)
        names = [arm.name for arm in spec.arms if arm.name != HOLDOUT]
        if spec.slot and not spec.slot.low <= share(spec.slot.layer, unit) < spec.slot.high:
            return None
        if share(spec.surface, "holdout", unit) < spec.holdout_share:
            return HOLDOUT if len(names) < len(spec.arms) else None
        if any(share(used.salt, "gate", unit) < used.share for used in spec.fresh_of):
            return None
        if share(spec.salt, "gate", unit) >= self.share * self.fraction:
            return None
        arm = names[int(share(spec.salt, "split", unit) * len(names))]
        return None if arm in self.gone else arm


@dataclass
class Flags:
    """A delivery on the rig's state."""

    rig: PostgresRig
    description: str = "flags of a test"

    def check(self):
        return ["The flags cannot be reached."] if self.rig.down else []

    def create(self, spec, key, population):
        self._reach()
        known = self.rig.trials.get(key)
        if known is not None and replace(known.spec, key="") != replace(spec, key=""):
            raise BackendError(f"{key} is another experiment", help="use another key")
        made = Trial(spec, spec.exposure(population).share, fraction=spec.ramp.first)
        self.rig.trials.setdefault(key, made)
        return key

    def start(self, experiment):
        self._trial(experiment).started = True

    def set_exposure(self, experiment, fraction, arm=None, at=None):
        trial = self._trial(experiment)
        if not 0 <= fraction <= 1:
            raise BackendError(f"{fraction} is no share", help="from 0 to 1")
        if arm is None:
            trial.fraction = fraction
        else:
            trial.gone.add(arm)

    def stop(self, experiment, outcome):
        self._trial(experiment).ended = True

    def deliver(self, config):
        self._reach()
        if config != self.rig.serves:
            self.rig.before, self.rig.serves = self.rig.serves, config

    def rollback(self):
        self._reach()
        self.rig.serves = self.rig.before

    def _trial(self, experiment):
        self._reach()
        if experiment not in self.rig.trials:
            raise BackendError(f"no experiment {experiment!r}", help="create it first")
        return self.rig.trials[experiment]

    def _reach(self):
        if self.rig.down:
            raise BackendError("the flags cannot be reached", help="bring them back")


class PostgresRig(Rig):
    """Everything on PostgreSQL; comments are written most of a day late, and nobody counts shares."""

    caps = {"watch": 12.0}  # noqa: RUF012
    late = ("comments",)
    unmeasured = ("shares",)

    def __init__(self, engine, password):
        config = Config({"a": 0.4})
        arms = (Arm("control", config), Arm("a", Config({"a": 0.5})), Arm("b", Config({"a": 0.6})))
        self.spec = ExperimentSpec("k", "explore", "home-feed", arms, 130, 3, FIRST, "salt")
        self.secrets, self._engine, self._now = (password,), engine, FIRST - 5 * DAY
        self.trials, self.down = {}, False
        self.serves = self.before = config
        self._unwritten = []
        engine.execute(EXPOSURES)
        engine.execute(EVENTS)
        engine.execute("CREATE TABLE comments (LIKE events)")

    def backend(self):
        changes = {
            "metrics": {
                "watch_p90": {"kind": "quantile", "column": "watch", "quantile": 0.9},
                "comments": {"matures_after_days": 1},
                "shares": {},
                **dict.fromkeys(("liked", "longest", "hate_rate", "likes")),
            },
            "guardrails": {"hate_rate": None},
        }
        events = {"comments": {"ingested": "ingested_at", "late": f"{LATE}h"}}
        named = dict.fromkeys(("likes", "liked", "hates", "views", "longest"))
        columns = {
            "watch": {"events": "events"},
            "watch_before": {"events": "events"},
            "comments": {"events": "comments"},
        }
        settings = {"events": events, "columns": {**named, **columns}, "population": len(PEOPLE)}
        return warehouse(self._engine, changes, Flags(self), password_env="WAREHOUSE_PASSWORD", **settings)

    def pass_until(self, moment):
        days = range((self._now - FIRST).days, (moment - FIRST).days + 1)
        visits = [v for day in days for v in _visits(FIRST + day * DAY) if self._now <= v[1] < moment]
        exposures, events = [], []
        for user, at, watched in visits:
            for key, trial in self.trials.items():
                if trial.started and not trial.ended and at >= trial.spec.start and (arm := trial.arm(user)):
                    exposures.append((key, arm, user, _naive(at), household(user)))
            events.append((f"{user} {at}", user, "watch", watched, _naive(at), _naive(at)))
            written = at + LATE * DAY / 24
            self._unwritten.append((f"{user} {at}", user, "comment", None, _naive(at), _naive(written)))
        now = _naive(max(moment, self._now))
        comments = [row for row in self._unwritten if row[-1] < now]
        self._unwritten = [row for row in self._unwritten if row[-1] >= now]
        for table, rows in (("exposures", exposures), ("events", events), ("comments", comments)):
            self._engine.execute(f"INSERT INTO {table}", rows)
        self._now = max(self._now, moment)

    def arms_of(self, experiment):
        trial = self.trials[experiment]
        runs = trial.started and not trial.ended and self._now > trial.spec.start
        return {user: arm for user in PEOPLE if runs and (arm := trial.arm(user))}

    def rows(self, experiment, until):
        spec = self.trials[experiment].spec
        end = _naive(min(until, spec.ends))
        first = {}
        for key, arm, user, at, _ in self._engine.execute("SELECT * FROM exposures"):
            if key == experiment and at < end:
                first[user] = min(first.get(user, (at, arm)), (at, arm))
        totals = defaultdict(lambda: dict.fromkeys(("watch", "watch_before", "comments"), 0.0))
        happened = self._engine.execute("SELECT * FROM events UNION ALL SELECT * FROM comments")
        for _, user, name, value, at, _ in (*happened, *self._unwritten):
            begun = first[user][0] if user in first else end
            if begun <= at < end:
                totals[user]["watch" if name == "watch" else "comments"] += value or 1.0
            elif name == "watch" and begun - 2 * DAY <= at < begun:
                totals[user]["watch_before"] += value
        return [Row(user, arm, totals[user], household(user)) for user, (_, arm) in first.items()]

    def experiments(self):
        return list(self.trials)

    def production(self):
        return self.serves

    @contextlib.contextmanager
    def failing(self):
        self._engine.allow(False)
        self.down = True
        try:
            yield
        finally:
            self.down = False
            self._engine.allow(True)


def _visits(day):
    """Who comes on a day, when, and how long each watches."""
    return [
        (user, day + share("when", day, user) * DAY, 1 / (0.05 + share("minutes", day, user)))
        for user in PEOPLE
        if share("comes", day, user) < 0.3
    ]


def _naive(moment):
    return moment.replace(tzinfo=None)
