"""What tests have in common: a task, its tables, an experiment, and the same statistics counted by hand."""

import math
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rectune_warehouse.backend import Warehouse

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, BackendError, Config, ExperimentSpec

EXPOSURES = 'CREATE TABLE exposures (experiment TEXT, arm TEXT, user_id TEXT, "at" TIMESTAMP, household TEXT)'
EVENTS = (
    "CREATE TABLE events (event_id TEXT, user_id TEXT, name TEXT, value DOUBLE PRECISION, "
    '"at" TIMESTAMP, ingested_at TIMESTAMP)'
)
START = datetime(2026, 3, 2)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TASK = """
dsl = 1
[task]
name = "feed"
surface = "home-feed"
[signals]
p_click = {}
is_new = { kind = "user", domain = [0, 1] }
[stages.ranking]
keep = 10
score = "p_click * a"
[stages.ranking.params]
a = { production = 0.4, low = 0.0, high = 1.0 }
[metrics]
watch = { goal = "maximize", covariate = "watch_before" }
likes = {}
liked = { kind = "proportion" }
hate_rate = { kind = "ratio", numerator = "hates", denominator = "views" }
longest = {}
[guardrails]
hate_rate = "<= +15%"
[experiment]
backend = "warehouse"
users_per_arm = 100
days = 3
[confirm]
users_per_arm = 100
days = 3
[plugins.warehouse]
url = "duckdb://events.duckdb"
population = 1000
[plugins.warehouse.exposures.units]
household = "household"
[plugins.warehouse.events.events]
event_id = "event_id"
[plugins.warehouse.columns]
watch = { value = "value", where = { name = "watch" } }
watch_before = { value = "value", where = { name = "watch" }, days_before = 2 }
likes = { where = { name = "like" } }
liked = { where = { name = "like" }, per = "any" }
hates = { where = { name = ["hate", "report"] } }
views = {}
longest = { value = "value", where = { name = "watch" }, per = "max" }
"""

VIEWS_ARE_PAGES = {
    name: {"events": "events"} for name in tomllib.loads(TASK)["plugins"]["warehouse"]["columns"]
} | {"views": {"events": "pages"}}
"""The settings of columns where a second table of events, `pages`, has the views."""


class Served:
    """A delivery that keeps its experiments in memory, where tests see them."""

    description = "a test"

    def __init__(self, problems=()):
        self.calls, self.made, self._problems = [], {}, problems

    def check(self):
        return self._problems

    def create(self, spec, key, population):
        self.calls.append(("create", key, population))
        self.made.setdefault(key, spec)
        return key

    def __getattr__(self, name):
        def call(*arguments):
            if name in ("start", "set_exposure", "stop") and arguments[0] not in self.made:
                raise BackendError(f"no experiment {arguments[0]!r}", help="create it")
            self.calls.append((name, *arguments))

        return call


def merged(base, changes):
    """Tables with the changes in them; None removes a key."""
    found = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        elif value is None:
            found.pop(key, None)
        else:
            found[key] = value
    return found


def task(engine=None, changes=None, **settings):
    """The task with other `settings` of the plugin, and other `changes`."""
    tables = merged(tomllib.loads(TASK), changes or {})
    if engine is not None:
        settings = {"url": engine.url, **settings}
    return Task.model_validate(merged(tables, {"plugins": {"warehouse": settings}}))


def warehouse(engine, changes=None, delivery=None, **settings):
    made = task(engine, changes, **settings)
    return Warehouse(BackendContext(made, 0, engine.folder, delivery=delivery or Served()))


SPEC = ExperimentSpec(
    key="round-1",
    purpose="explore",
    surface="home-feed",
    arms=tuple(Arm(n, Config({"a": v})) for n, v in (("control", 0.4), ("a", 0.5), ("b", 0.6))),
    users_per_arm=100,
    days=3,
    start=START.replace(tzinfo=UTC),
    salt="s",
)


def observe(backend, days, spec=SPEC):
    """What is known when so many days of the experiment are over."""
    experiment = backend.create(spec, spec.key)
    return backend.observe(experiment, spec.start + days * DAY)


def exposure(user, arm, hours=0.0, household=None, experiment="round-1"):
    return (experiment, arm, user, START + hours * HOUR, household)


def event(user, name, hours=0.0, value=None, id=None, later=0.1):
    """An event some hours after the experiment's start, written `later` hours after that."""
    at = START + hours * HOUR
    return (id, user, name, value, at, at + later * HOUR)


def fill(engine, exposures=(), events=()):
    engine.execute("INSERT INTO exposures", list(exposures))
    engine.execute("INSERT INTO events", list(events))


def sizes(found):
    """Arm -> units assigned, and counted."""
    return {arm.arm: (arm.assigned, arm.n) for arm in found.arms}


def arm_of(found, name):
    """Column -> sum of an arm."""
    (arm,) = (arm for arm in found.arms if arm.arm == name)
    return dict(zip(found.columns, arm.sums, strict=True))


BOT_DAYS = 2
"""Days before the first exposure on which a recount's bots are told."""


@dataclass
class Recount:
    """The rules once more, in plain Python over the rows of the tables: `exposures` as
    (experiment, arm, user, at, household), `events` as (id, user, name, value, at, ingested)."""

    exposures: list
    events: list
    listed: frozenset = frozenset()
    per_day: float = math.inf
    caps: dict = field(default_factory=dict)

    def users(self, arms, start, end, as_of, unit="user"):
        """user -> (arm of the unit, first exposure, unit, whether it was seen in several arms)."""
        until = min(end, as_of)
        seen = [
            (at, arms.index(arm), user, house if unit == "household" else user)
            for experiment, arm, user, at, house in self.exposures
            if experiment == "round-1" and arm in arms and user is not None and at is not None
            if start <= at < until and (unit == "user" or house is not None)
        ]
        unit_of = {}
        for _, _, user, group in seen:
            unit_of[user] = min(group, unit_of.get(user, group))
        found = {}
        for user, group in unit_of.items():
            of_unit = [(at, arm) for at, arm, one, _ in seen if unit_of[one] == group]
            first = min(at for at, _, one, _ in seen if one == user)
            found[user] = (arms[min(of_unit)[1]], first, group, len({arm for _, arm in of_unit}) > 1)
        return found

    def once(self, start, until):
        """Events of the days that are read, copies being one."""
        kept, known = [], {}
        for id, user, name, value, at, _ in self.events:
            if user is None or at is None or not start - 2 * DAY <= at < until:
                continue
            if value is not None and not math.isfinite(value):
                value = None
            if id is None:
                kept.append((user, name, value, at))
                continue
            before = known.get((user, id))
            if before is not None:
                values = [v for v in (before[2], value) if v is not None]
                value, at = max(values, default=None), min(at, before[3])
            known[user, id] = (user, name, value, at)
        return [*kept, *known.values()]

    def values(self, user, first, until, events):
        mine = [(name, value, at) for who, name, value, at in events if who == user]
        after = [(name, value) for name, value, at in mine if first <= at < until]
        before = [v for name, v, at in mine if name == "watch" and first - 2 * DAY <= at < first]
        watched = [value for name, value in after if name == "watch" and value is not None]
        likes = sum(name == "like" for name, _ in after)
        found = {
            "watch": sum(watched),
            "watch_before": sum(v for v in before if v is not None),
            "likes": likes,
            "liked": float(likes > 0),
            "hates": sum(name in ("hate", "report") for name, _ in after),
            "views": len(after),
            "longest": max(watched, default=0.0),
            "users": 1.0,
        }
        return {name: min(value, self.caps.get(name, math.inf)) for name, value in found.items()}

    def is_bot(self, user, first, events):
        many = sum(who == user and first - BOT_DAYS * DAY <= at < first for who, _, _, at in events)
        return user in self.listed or many > self.per_day * BOT_DAYS

    def moments(self, columns, arms, start, end, as_of, unit="user"):
        """arm -> (assigned, n, sums, products)."""
        users, until = self.users(arms, start, end, as_of, unit), min(end, as_of)
        events = self.once(start, until)
        units = {arm: {} for arm in arms}
        for user, (arm, first, group, _) in users.items():
            total = units[arm].setdefault(group, None)
            if not self.is_bot(user, first, events):
                own = self.values(user, first, until, events)
                units[arm][group] = [own[c] + (total[i] if total else 0.0) for i, c in enumerate(columns)]
        return {arm: _moments(len(found), [v for v in found.values() if v]) for arm, found in units.items()}


def _moments(assigned, rows):
    columns = list(zip(*rows, strict=True))
    return (
        assigned,
        len(rows),
        [math.fsum(column) for column in columns],
        [[math.fsum(x * y for x, y in zip(one, other, strict=True)) for other in columns] for one in columns],
    )
