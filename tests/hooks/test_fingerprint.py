"""Fingerprints of specs: equal for equal specs, and the same in every release."""

import hashlib
from dataclasses import dataclass, fields, make_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rectune_dsl.hooks.api import Arm, Config, ExperimentSpec, Exposure, Ramp, Slot, fingerprint

SPEC = ExperimentSpec(
    key="feed-1/round-1/experiment",
    purpose="explore",
    surface="home-feed",
    arms=(Arm("control", Config({"a": 1.0, "b": 0.5})), Arm("größer", Config({"a": 2.0, "b": 0.5}))),
    users_per_arm=2_000,
    days=3,
    start=datetime(2026, 3, 2, tzinfo=UTC),
    salt="feed/0/round-1/experiment",
    ramp=Ramp((0.05,)),
)
WRITTEN = (
    '{"arms": [{"config": {"values": {"a": 1.0, "b": 0.5}}, "name": "control"}, '
    '{"config": {"values": {"a": 2.0, "b": 0.5}}, "name": "größer"}], "days": 3.0, "key": "", '
    '"purpose": "explore", "ramp": {"steps": [0.05]}, "salt": "feed/0/round-1/experiment", '
    '"start": "2026-03-02T00:00:00+00:00", "surface": "home-feed", "users_per_arm": 2000.0}'
)
OTHERS = {
    "purpose": "confirm",
    "surface": "search",
    "arms": (*SPEC.arms[:1], Arm("größer", Config({"a": 2.0, "b": 0.5000000001}))),
    "users_per_arm": 2_001,
    "days": 4,
    "start": SPEC.start + timedelta(microseconds=1),
    "salt": "feed/0/round-2/experiment",
    "fresh_of": (Exposure("before", 0.25),),
    "holdout_share": 0.05,
    "slot": Slot("feed", 0.0, 0.5),
    "ramp": Ramp((0.05,), days=2),
    "unit": "household",
    "caps": {"watch": 12.0},
}


def test_it_is_the_same_in_every_release():
    """Where this fails, platforms do not know the experiments any more that run while somebody upgrades."""
    assert fingerprint(SPEC) == hashlib.sha256(WRITTEN.encode()).hexdigest()
    assert fingerprint(SPEC) == "c050679f5013dc467f1cab4e50ccf381a52e71106c867ed2279c1017fcee8678"


def test_a_field_that_a_release_adds_changes_nothing_until_it_is_used():
    added = make_dataclass("Added", [("more", int, 7)], bases=(ExperimentSpec,), frozen=True)
    known = {field.name: getattr(SPEC, field.name) for field in fields(SPEC)}
    assert fingerprint(added(**known)) == fingerprint(SPEC)
    assert fingerprint(added(**known, more=8)) != fingerprint(SPEC)


def test_so_does_one_of_a_part():
    @dataclass(frozen=True)
    class Widened(Ramp):
        shape: tuple[str, ...] = ("even",)

    assert fingerprint(replace(SPEC, ramp=Widened((0.05,)))) == fingerprint(SPEC)
    assert fingerprint(replace(SPEC, ramp=Widened((0.05,), shape=()))) != fingerprint(SPEC)


def test_every_field_but_the_key_tells_specs_apart():
    assert OTHERS.keys() | {"key"} == {field.name for field in fields(SPEC)}
    found = {fingerprint(replace(SPEC, **{name: value})) for name, value in OTHERS.items()}
    assert len(found | {fingerprint(SPEC)}) == len(OTHERS) + 1
    assert fingerprint(replace(SPEC, key="another")) == fingerprint(SPEC)


@pytest.mark.parametrize(
    "same",
    [
        {"arms": (Arm("control", Config({"b": 0.5, "a": 1})), *SPEC.arms[1:])},
        {"start": SPEC.start.astimezone(timezone(timedelta(hours=9)))},
        {"holdout_share": -0.0, "caps": {}, "fresh_of": ()},
        {"ramp": Ramp((0.05,), days=1)},
    ],
)
def test_equal_specs_have_one_however_they_are_written(same):
    other = replace(SPEC, **same)
    assert other == SPEC
    assert fingerprint(other) == fingerprint(SPEC)
