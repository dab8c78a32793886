"""Random experiments: the provider, the JsonLogic and the experiments themselves tell the same."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import evaluated, expected
from platforms import FIRST, PRODUCTION, Platform, spec_of

from rectune_dsl.hooks.api import HOLDOUT, Arm, Config, ExperimentSpec, Exposure, Slot

POPULATION = 50_000
EACH = 150
"""Users of an example: some are in each arm, and some are left out for each reason."""
prefixes = st.text(max_size=300)
salts = st.text(min_size=1, max_size=40)


@st.composite
def specs(draw: st.DrawFn) -> ExperimentSpec:
    names = [f"arm-{n}" for n in range(draw(st.integers(1, 4)))]
    holdout = draw(st.sampled_from([0.0, 0.3]))
    names += [HOLDOUT] if holdout and draw(st.booleans()) else []
    arms = [Arm(name, Config({"a": float(n)})) for n, name in enumerate(names)]
    low, width = draw(st.floats(0, 0.7)), draw(st.floats(0.3, 1.0))
    slot = draw(st.sampled_from([None, Slot(draw(salts), low, min(1.0, low + width))]))
    salt = draw(salts)
    used = st.builds(Exposure, salts.filter(lambda s: s != salt), st.floats(0.0, 0.4))
    spec = spec_of(
        arms=(Arm("control", PRODUCTION), *arms),
        salt=salt,
        slot=slot,
        holdout_share=holdout,
        fresh_of=tuple(draw(st.lists(used, max_size=2))),
        users_per_arm=1,
    )
    wanted = draw(st.floats(0.3, 1.0))
    most = wanted / (spec.exposure(POPULATION).share * max(1.0, (1 - holdout) / (holdout or 1)))
    return spec_of(**{**spec.__dict__, "users_per_arm": max(1, int(most))})


@settings(max_examples=60)
@given(specs(), prefixes, st.floats(0, 1) | st.just(1.0), st.booleans(), st.sampled_from([-1, 0, 71, 72]))
def test_three_ways_to_tell_the_arm_agree(
    spec: ExperimentSpec, prefix: str, fraction: float, is_silent: bool, hours: int
) -> None:
    if not 0 < spec.exposure(POPULATION).share <= 1:
        return
    users = [f"{prefix}{number}" for number in range(EACH)]
    at, silent = FIRST + timedelta(hours=hours), ["arm-0"] if is_silent else []
    with TemporaryDirectory() as folder:
        platform = Platform(Path(folder), POPULATION)
        delivery = platform.launch(spec, fraction)
        for arm in silent:
            delivery.set_exposure(spec.key, 0.0, arm)
        flag = json.loads(platform.path.read_text())["flags"]["home-feed"]
        values = platform.values(users, at)
    for user in users:
        arm = expected(spec, POPULATION, user, at, fraction, silent)
        context = {"now": at.timestamp(), "targetingKey": user}
        variant = evaluated(flag["targeting"], context) or flag["defaultVariant"]
        assert values[user] == flag["variants"][variant]
        assert values[user]["arm"] == arm
