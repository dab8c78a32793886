"""The rule that the README shows is the one that is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from platforms import PRODUCTION, spec_of
from rectune_flagd.rules import definition
from rectune_flagd.state import State, Trial

from rectune_dsl.hooks.api import Arm, Config, Exposure, Ramp

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_rule_of_the_readme_is_the_one_that_is_written() -> None:
    spec = spec_of(
        key="RUN/confirm/9b99",
        salt="feed/0/confirm",
        arms=(Arm("control", PRODUCTION), Arm("recommended", Config({"a": 2.0, "b": 0.5}))),
        users_per_arm=3_000,
        fresh_of=(Exposure("feed/0/round-1/experiment", 0.25),),
        ramp=Ramp((0.05,)),
    )
    trial = Trial("", spec, population=24_000, is_started=True)
    state = State(PRODUCTION.values).with_trial(spec.key, trial)
    (shown,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    written = definition(state, "home-feed", "targetingKey", "$flagd.timestamp")
    assert json.loads(shown) == written["targeting"]
