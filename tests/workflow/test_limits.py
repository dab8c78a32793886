"""What reaches a backend keeps every limit, whatever agents decide."""

import contextlib
import math
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limited import DAY, TASK, Recording, broken

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
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.campaign import Campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.clock import EPOCH
from rectune_dsl.workflow.journaled import Approval
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.prepare import begin

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


@pytest.mark.slow
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


def test_the_gate_itself_knows_the_calendar(lab):
    """However a start was chosen: a journal may be older than what is frozen."""
    task, parts, calls = run(lab, {})
    spec = next(args[0] for name, *args in calls if name == "create")
    launch = Launch(spec.key, spec.salt, spec.start, spec.arms, spec.purpose, spec.fresh_of)
    assert Gate(task, parts.capabilities).launch(launch, spec, spec.start) == spec
    later = task.model_copy(
        update={"freeze": {"sale": FreezeWindow(first=date(2026, 1, 6), last=date(2026, 1, 6))}}
    )
    gate = Gate(later, parts.capabilities)
    with pytest.raises(PluginError, match=r"it runs on days of \[freeze\] sale"):
        gate.launch(launch, spec, spec.start)
    with pytest.raises(UsageError, match="nothing ships on 2026-01-06"):
        gate.delivery(Config(task.production), datetime(2026, 1, 6, 12, tzinfo=UTC))
    with pytest.raises(PluginError, match="forbid to ship"):
        gate.delivery(Config({"a": 5.0, "b": 0.4}), datetime(2026, 1, 9, tzinfo=UTC))
