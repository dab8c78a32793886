"""What reaches a backend keeps every limit, whatever agents decide; and campaigns work within the limits."""

import contextlib
import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.dsl.traffic import Exclusion, FreezeWindow, Limits, Ramp
from rectune_dsl.hooks import api
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Arm,
    Config,
    Exposure,
    Finish,
    Freeze,
    Hypothesis,
    Launch,
    PluginError,
    Prediction,
    Proposal,
    Recommendation,
    Review,
    SetExposure,
    Slot,
    StopArm,
    UsageError,
    Wait,
)
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.slots import share_users
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.calendar import first_start, frozen, thawed
from rectune_dsl.workflow.campaign import Campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.clock import EPOCH
from rectune_dsl.workflow.journaled import Approval
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.prepare import begin
from rectune_dsl.workflow.traffic import traffic

DAY = timedelta(days=1)
TASK = """
dsl = 1
[task]
name = "limited"
surface = "feed"
[signals]
p = {}
q = {}
[stages.ranking]
keep = 10
score = "a * p + b * q"
[stages.ranking.params]
a = { production = 0.4, low = 0.0, high = 1.0 }
b = { production = 0.4, low = 0.0, high = 1.0 }
[metrics]
gain = { goal = "maximize" }
harm = {}
[guardrails]
harm = "<= +2%"
[experiment]
backend = "planted"
rounds = 1
arms = 3
users_per_arm = 20_000
days = 2
[confirm]
users_per_arm = 60_000
days = 3
"""


# --- a backend that writes down what reaches it ------------------------------------------------------


class Recording:
    """Passes everything on, and remembers the calls."""

    def __init__(self, inner):
        self.inner, self.calls = inner, []

    def __getattr__(self, name):
        method = getattr(self.inner, name)

        def call(*args):
            self.calls.append((name, *args))
            return method(*args)

        return call


def broken(task, population, calls):
    """Every limit that the calls break, read off them without the gate's code."""
    found, specs, served = [], {}, {}
    frozen_days = {
        window.first + n * DAY
        for window in task.freeze.values()
        for n in range((window.last - window.first).days + 1)
    }
    steps = [*(task.ramp.steps if task.ramp else ()), 1.0]
    most = task.limits.users_per_day or math.inf

    def users(spec):
        return spec.users_per_arm * len([a for a in spec.arms if a.name != HOLDOUT])

    for name, *args in calls:
        if name == "create":
            spec, key = args
            specs[f"planted:{key}"] = spec
            treatments = [a for a in spec.arms[1:] if a.name != HOLDOUT]
            days = (task.ramp.days * len(task.ramp.steps) if task.ramp else 0) + spec.days
            if {spec.start.date() + n * DAY for n in range(days)} & frozen_days:
                found.append("freeze")
            if spec.arms[0] != Arm(CONTROL, Config(task.production)):
                found.append("control")
            if spec.purpose == "explore" and len(treatments) < len(spec.arms) - 1:
                found.append("holdout")
            if len(treatments) > min(task.experiment.arms, task.limits.arms or 1000):
                found.append("arms")
            for arm in treatments:
                values = dict(arm.config.values)
                if set(values) != set(task.params):
                    found.append("params")
                elif not all(
                    0 <= v <= 1 and abs(v - 0.4) <= task.limits.step + 1e-5 for v in values.values()
                ):
                    found.append("config")
            if not 0 < users(spec) <= task.limits.traffic_share * population:
                found.append("share")
            slot = task.exclusion and Slot(task.exclusion.layer, *task.exclusion.share)
            if spec.slot != slot:
                found.append("slot")
            if spec.ramp != (api.Ramp(task.ramp.steps, task.ramp.days) if task.ramp else api.Ramp()):
                found.append("ramp's steps")
        elif name == "start":
            spec = specs[args[0]]
            fraction, _ = served.setdefault(args[0], (1.0, spec.start))
            if fraction > steps[0] or users(spec) * fraction > most:
                found.append("first exposure")
        elif name == "set_exposure":
            experiment, fraction, arm, at = args
            if arm is not None:
                found += ["stop"] * (fraction != 0 or arm in (CONTROL, HOLDOUT))
                continue
            now, since = served.get(experiment, (0.0, None))
            if not 0 <= fraction <= 1 or users(specs[experiment]) * fraction > most:
                found.append("exposure")
            if fraction > now and since is not None and task.ramp:
                allowed = min(step for step in steps if step > now)
                if fraction > allowed or at - since < task.ramp.days * DAY:
                    found.append("ramp")
            if fraction > now and at.date() in frozen_days:
                found.append("rise in a freeze")
            served[experiment] = (fraction, at)
        elif name == "deliver":
            values = args[0].values.values()
            found += ["delivery"] * (not all(abs(v - 0.4) <= task.limits.step + 1e-5 for v in values))
    return found


# --- agents that may do anything ---------------------------------------------------------------------

NUMBERS = st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 0.9, 1.0, -3.0, 7.0, math.nan])
SANE = st.sampled_from([0.3, 0.4, 0.5])
LAWFUL = st.fixed_dictionaries({"a": SANE, "b": SANE})
CONFIGS = st.one_of(LAWFUL, LAWFUL, LAWFUL, st.dictionaries(st.sampled_from("abc"), NUMBERS, max_size=3))
NAMES = st.sampled_from(["one", "two", "three", "four", "five", CONTROL, HOLDOUT])
ARMS = st.dictionaries(st.sampled_from(["one", "two", HOLDOUT]), LAWFUL, min_size=1)
CHANGES = st.one_of(
    *(
        st.fixed_dictionaries({key: values})
        for key, values in {
            "users_per_arm": st.sampled_from([0, -5, 100, 20_000, 60_000, 10**7]),
            "days": st.sampled_from([0, -1, 1, 2, 9, 400]),
            "start": st.sampled_from([EPOCH - DAY, EPOCH + 3 * DAY]),
            "slot": st.sampled_from([None, Slot("feed", 0.0, 1.0)]),
            "ramp": st.sampled_from([api.Ramp(), api.Ramp((0.9,), 1)]),
            "fresh_of": st.just((Exposure("x", 0.5),)),
            "holdout_share": st.just(0.4),
            "arms": st.lists(st.builds(Arm, NAMES, CONFIGS.map(Config)), max_size=5).map(tuple),
        }.items()
    )
)
ACTIONS = st.one_of(
    st.builds(SetExposure, NUMBERS | st.sampled_from([0.05, 0.5]), st.just("")),
    st.builds(StopArm, NAMES, st.just("")),
    st.builds(
        Wait, st.sampled_from([EPOCH, EPOCH + 1.5 * DAY, EPOCH + 4 * DAY, EPOCH + 6 * DAY]), st.just("")
    ),
    st.builds(Finish, st.just("")),
    st.builds(Freeze, st.just("")),
)
NOTHING = Hypothesis("none", ())
EVEN = Prediction("gain", 0.0, 0.0, 0.0)


class AnyOnline(NumericOnline):
    """Designs with changes, and decides what it was given; as the numeric one where that is None or over."""

    def __init__(self, changes, decisions):
        self.changes, self.decisions = list(changes), list(decisions)

    def design(self, context, launch):
        return replace(super().design(context, launch), **(self.changes.pop(0) if self.changes else {}))

    def step(self, context, state, observation):
        decided = self.decisions.pop(0) if self.decisions else None
        return super().step(context, state, observation) if decided is None else decided


class AnyActor:
    def __init__(self, proposals, config):
        self.proposals, self.config = proposals, config

    def propose(self, context):
        return [Proposal(name, Config(values), NOTHING, "any") for name, values in self.proposals.items()]

    def recommend(self, context):
        return Recommendation(Config(self.config), False, (), EVEN, 1.0, 1.0, "any")


class AnyCritic:
    """Takes as many as it may."""

    def review(self, context, proposals):
        most = context.budget.arms
        return [Review(p.name, at < most, (), "any") for at, p in enumerate(proposals)]


class Yes:
    def answer(self, request):
        return Approval(True, "a test", "")


TABLES = st.fixed_dictionaries(
    {
        "limits": st.builds(
            Limits,
            traffic_share=st.sampled_from([0.006, 0.01, 1.0]),
            users_per_day=st.sampled_from([None, 5_000, 50_000, 120_000]),
            arms=st.sampled_from([None, 1, 3]),
            step=st.sampled_from([0.1, 0.3, 1.0]),
        )
    },
    optional={
        "ramp": st.builds(Ramp, steps=st.sampled_from([(0.05,), (0.01, 0.5)]), days=st.integers(1, 2)),
        "exclusion": st.just(Exclusion(layer="feed", share=(0.25, 0.75))),
        "freeze": st.lists(st.integers(0, 25), max_size=2).map(
            lambda days: {
                str(n): FreezeWindow(first=date(2026, 1, 5) + n * DAY, last=date(2026, 1, 5) + (n + 2) * DAY)
                for n in days
            }
        ),
    },
)


def run(lab, tables, text=TASK, **agents):
    """A campaign of the task with other tables: the task, and the calls that reached the backend."""
    loaded = lab.load(text)
    task = loaded.task.model_copy(update=tables)
    loaded = replace(loaded, task=task)
    journal = Journal("journal.sqlite")
    name = begin(loaded, Choices(), journal)
    parts = campaign(name, loaded, journal, lab.host, approver=Yes())._parts
    backend = Recording(parts.backend)
    made = Campaign(replace(parts, backend=backend, agents=replace(parts.agents, **agents)))
    with contextlib.suppress(Exception):  # how a bad agent ends is not the question here
        made.run()
    return task, parts, backend.calls


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    TABLES,
    st.lists(st.just({}) | CHANGES, max_size=2),
    st.lists(st.none() | st.lists(ACTIONS, max_size=3), max_size=6),
    ARMS | ARMS | st.dictionaries(NAMES, CONFIGS, max_size=5),
    CONFIGS,
)
def test_no_agent_passes_a_limit(lab, tables, changes, decisions, proposals, config):
    online, actor = AnyOnline(changes, decisions), AnyActor(proposals, config)
    task, parts, calls = run(lab, tables, online=online, actor=actor, critic=AnyCritic())
    assert broken(task, parts.capabilities.population, calls) == []


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(TABLES)
def test_the_built_in_agents_stay_within_every_limit(lab, tables):
    task, parts, calls = run(lab, {**tables, "limits": Limits(step=0.3)})
    assert broken(task, parts.capabilities.population, calls) == []
    assert [name for name, *_ in calls].count("create") >= 1


def test_every_call_that_breaks_a_limit_is_seen(lab):
    """The judge of the tests above is not blind."""
    task, parts, calls = run(lab, {"limits": Limits(step=0.3)})
    assert broken(task, parts.capabilities.population, calls) == []
    for tables, what in (
        ({"limits": Limits(traffic_share=0.0001)}, "share"),
        ({"limits": Limits(users_per_day=1000)}, "first exposure"),
        ({"limits": Limits(arms=1)}, "arms"),
        ({"limits": Limits(step=0.01)}, "config"),
        ({"exclusion": Exclusion(layer="feed", share=(0.0, 0.1))}, "slot"),
        ({"ramp": Ramp(steps=(0.1,))}, "first exposure"),
        ({"freeze": {"x": FreezeWindow(first=date(2026, 1, 6), last=date(2026, 1, 6))}}, "freeze"),
    ):
        other = task.model_copy(update=tables)
        assert what in broken(other, parts.capabilities.population, calls)


# --- ramps -------------------------------------------------------------------------------------------

RAMP = "[ramp]\nsteps = [0.05, 0.5]\ndays = 2\n"


def exposed(calls):
    """What each experiment was exposed to, in order."""
    found = {}
    for name, *args in calls:
        if name == "expose" and args[2] is None:
            found.setdefault(args[0], []).append(args[1])
    return list(found.values())


def test_a_ramp_serves_few_first_and_all_for_the_days_of_the_task(lab):
    view, calls, _ = lab(TASK + RAMP)
    assert exposed(calls) == [[0.05, 0.5, 1.0]] * 2
    order = [name for name, *_ in calls if name in ("create", "expose", "start", "stop")]
    assert order[:3] == ["create", "expose", "start"]
    [round] = view.rounds
    assert (round.looks[-1].as_of - round.spec.start) / DAY == 2 * 2 + 2
    assert view.verdict.decision == "ship"


def test_an_arm_that_does_strong_harm_is_stopped_while_few_are_served(lab):
    view, _, _ = lab(TASK + RAMP, harm=3.0)
    [round] = view.rounds
    stopped_at = {a.arm: look.as_of for look in round.looks for a in look.actions if isinstance(a, StopArm)}
    rises = [look.as_of for look in round.looks for a in look.actions if isinstance(a, SetExposure)]
    assert stopped_at
    assert min(stopped_at.values()) <= min(rises, default=max(stopped_at.values()))


class Blind(NumericOnline):
    """Serves more as soon as the ramp has it, and stops nobody."""

    def step(self, context, state, observation):
        return [a for a in super().step(context, state, observation) if not isinstance(a, StopArm)]


def test_nobody_serves_more_while_harm_is_shown(lab):
    with pytest.raises(PluginError, match=r"it serves more users, and .* is not stopped: harm breaks"):
        lab(TASK + RAMP, harm=3.0, online=Blind())
    assert exposed(lab.calls()) == [[0.05]]


class Pushing(NumericOnline):
    def step(self, context, state, observation):
        return [SetExposure(1.0, "now"), *super().step(context, state, observation)[-1:]]


def test_nobody_is_ahead_of_the_ramp(lab):
    with pytest.raises(PluginError, match=r"serves 1 of the users, and the ramp allows 0\.05"):
        lab(TASK + RAMP, online=Pushing())


# --- freezes -----------------------------------------------------------------------------------------


def window(first, last):
    return FreezeWindow(first=date.fromisoformat(first), last=date.fromisoformat(last))


def test_an_experiment_waits_until_it_fits_before_the_next_freeze(lab):
    text = TASK + "[freeze]\nsale = { first = 2026-01-06, last = 2026-01-07 }\n"
    text += "holidays = { first = 2026-01-12, last = 2026-01-20 }\n"
    view, _, _ = lab(text)
    assert view.rounds[0].spec.start == datetime(2026, 1, 8, tzinfo=UTC)  # two days, the 8th and the 9th
    assert view.confirmation.spec.start == datetime(2026, 1, 21, tzinfo=UTC)  # two days are not enough


def test_shipping_waits_until_a_freeze_is_over(lab, monkeypatch):
    waited = []
    monkeypatch.setattr(
        "rectune_dsl.workflow.pause.Pause.until", lambda self, key, moment, why: waited.append(moment)
    )
    text = TASK + "[freeze]\nsale = { first = 2026-01-10, last = 2026-01-15 }\n"
    view, calls, _ = lab(text)
    assert view.verdict.decision == "ship"
    assert view.confirmation.look.as_of == datetime(2026, 1, 10, tzinfo=UTC)
    assert waited[-1] == datetime(2026, 1, 16, tzinfo=UTC)
    assert calls[-1][0] == "deliver"


DAYS = st.integers(0, 40).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
FREEZES = st.dictionaries(
    st.sampled_from("abc"),
    st.tuples(DAYS, DAYS).map(lambda pair: FreezeWindow(first=min(pair), last=max(pair))),
)


@given(FREEZES, DAYS, st.integers(1, 9))
def test_a_start_is_the_first_with_enough_free_days(freezes, earliest, days):
    begin_at = datetime.combine(earliest, datetime.min.time(), UTC)
    start = first_start(freezes, begin_at, days)

    def is_free(day):
        return not any(w.first <= day <= w.last for w in freezes.values())

    def fits(first):
        return all(is_free(first + timedelta(days=n)) for n in range(days))

    assert fits(start.date())
    assert not any(fits(earliest + timedelta(days=n)) for n in range((start - begin_at).days))
    noon = begin_at + timedelta(hours=12)
    moment = thawed(freezes, noon)
    assert is_free(moment.date())
    assert (moment == noon) == is_free(earliest)
    assert bool(frozen(freezes, noon)) != is_free(earliest)


def test_the_gate_itself_knows_the_calendar(lab):
    """However a start was chosen: a journal may be older than what is frozen."""
    task, parts, calls = run(lab, {})
    spec = next(args[0] for name, *args in calls if name == "create")
    launch = Launch(spec.key, spec.salt, spec.start, spec.arms, spec.purpose, spec.fresh_of)
    assert Gate(task, parts.capabilities).launch(launch, spec, spec.start) == spec
    later = task.model_copy(update={"freeze": {"sale": window("2026-01-06", "2026-01-06")}})
    gate = Gate(later, parts.capabilities)
    with pytest.raises(PluginError, match=r"it runs on days of \[freeze\] sale"):
        gate.launch(launch, spec, spec.start)
    with pytest.raises(UsageError, match="nothing ships on 2026-01-06"):
        gate.delivery(Config(task.production), datetime(2026, 1, 6, 12, tzinfo=UTC))
    with pytest.raises(PluginError, match="forbid to ship"):
        gate.delivery(Config({"a": 5.0, "b": 0.4}), datetime(2026, 1, 9, tzinfo=UTC))


# --- slots -------------------------------------------------------------------------------------------

SLOTS = st.none() | st.builds(
    lambda layer, ends: Slot(layer, *sorted(ends)),
    st.sampled_from(["feed", "search"]),
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=2, unique=True),
)


@given(SLOTS, SLOTS)
def test_slots_share_users_unless_they_are_apart_in_one_layer(one, other):
    places = [n / 8 + 1 / 16 for n in range(8)]

    def has(slot, layer, place):
        return slot is None or slot.layer != layer or slot.low <= place < slot.high

    common = any(
        has(one, "feed", x) and has(other, "feed", x) and has(one, "search", y) and has(other, "search", y)
        for x in places
        for y in places
    )
    assert share_users(one, other) == share_users(other, one) == common


def test_the_experiments_of_a_task_with_a_slot_are_in_it_and_the_plan_knows(lab):
    text = TASK + '[exclusion]\nlayer = "feed"\nshare = [0.25, 0.5]\n'
    view, _, _ = lab(text)
    specs = [view.rounds[0].spec, view.confirmation.spec]
    assert [spec.slot for spec in specs] == [Slot("feed", 0.25, 0.5)] * 2
    loaded = lab.load(text)
    capabilities = loaded.backend.capabilities()
    assert traffic(loaded.task, capabilities).eligible == capabilities.population / 4


# --- in the bundled world ----------------------------------------------------------------------------

BOLD = """
from rectune_dsl.hooks.api import Config, Hypothesis, Prediction, Proposal, Recommendation, Review
from rectune_dsl.hooks.specs import hookimpl

class Actor:
    def propose(self, context):
        yield Proposal("harm", Config({"spread": 0.0}), Hypothesis("Less variety.", ()), "bold")
        yield Proposal("same", Config({"spread": 0.9}), Hypothesis("Hardly a change.", ()), "bold")
    def recommend(self, context):
        nothing = Prediction("watch_minutes", 0.0, 0.0, 0.0)
        return Recommendation(Config({"spread": 0.9}), False, (), nothing, 1.0, 1.0, "bold")

class Critic:
    def review(self, context, proposals):
        return [Review(p.name, True, (), "bold") for p in proposals]

@hookimpl
def rectune_register_agents(register):
    register("actor", "bold", Actor)
    register("critic", "bold", Critic)
"""
VARIED = {
    "stages": {
        "ranking": {
            "params": {"spread": {"production": 1.0, "low": 0.0, "high": 1.0}, "w_long": 1.0},
            "diversity": {"by": "topic", "penalty": "spread"},
        }
    },
    "guardrails": {"next_day_return": None, "topics_shown": ">= -1%"},
    "experiment": {"rounds": 1, "users_per_arm": 6_000},
    "confirm": {"users_per_arm": 2_000},
    "agents": {"actor": "bold", "critic": "bold"},
    "ramp": {"steps": [0.2, 0.5]},
    "freeze": {"sale": {"first": date(2026, 1, 7), "last": date(2026, 1, 8)}},
    "exclusion": {"layer": "feed", "share": [0.1, 0.9]},
    "limits": {"users_per_day": 18_000},
}


@pytest.fixture
def bold(rectune_project, tmp_path):
    """Runs a task in the bundled world, and resumes it while its backend fails: how often, and what it shows.
    Each run is the first of its store."""
    rectune_project.plugin(BOLD)

    def run(**simulator):
        task = rectune_project.task(**VARIED, simulator={"users": 60_000, **simulator})
        resumed, done = 0, rectune_project.run("run", task)
        while done.exit_code == 3 and resumed < 60:
            resumed, done = resumed + 1, rectune_project.run("resume", "last")
        assert done.exit_code == 0, done.stderr
        shown = json.loads(rectune_project.run("show", "last", "--json").stdout)
        shown.pop("task")  # its text names the faults
        (rectune_project.path / ".rectune").rename(tmp_path / f"resumed-{resumed}")
        return resumed, shown

    return run


def test_in_the_bundled_world_harm_is_stopped_at_the_first_step_and_interruptions_change_nothing(bold):
    resumed, interrupted = bold(faults={"flaky": 0.3})
    _, whole = bold()
    assert resumed > 2
    assert interrupted == whole
    [round] = whole["rounds"]
    assert round["spec"]["start"].startswith("2026-01-09")  # four days do not fit before the freeze
    assert "topics_shown breaks its guardrail" in round["result"]["stopped"]["harm"]
    first = round["looks"][0]
    assert [a["kind"] for a in first["actions"]] == ["stop_arm", "set_exposure", "wait"]
    assigned = {arm["arm"]: arm["assigned"] for arm in first["observation"]["arms"]}
    assert all(1_000 < n < 1_400 for n in assigned.values())
    last = round["looks"][-1]["observation"]["arms"]
    assert all(5_700 < arm["assigned"] < 6_300 for arm in last)
    assert whole["verdict"]["decision"] in ("hold", "ship")
