"""What the README shows works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import growthbook
from rectune_growthbook.settings import GrowthBookSettings

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found


def test_its_settings_are_settings_and_none_is_left_out():
    table = tomllib.loads(block("toml"))["plugins"]["growthbook"]
    GrowthBookSettings.model_validate(table)
    for name in GrowthBookSettings.model_fields:
        assert f"`{name}`" in README, name


def test_its_application_is_served_the_arms(lab):
    backend, spec = lab.backend(), lab.spec()
    experiment = backend.create(spec, spec.key)
    backend.start(experiment)
    lab.pass_days(1)
    seen, space = {}, {}

    def exposed(experiment, result, user_context):
        seen[user_context.attributes["id"]] = result.key

    exec(block("python"), space)
    space["time"] = type("Clock", (), {"time": lambda: lab.platform.now.timestamp() - 1})
    features = {"feed": growthbook.Feature(**lab.platform.definition())}
    for user in lab.platform.people.ids[:60]:
        config = space["config_of"](user, features, exposed)
        arm = next((a for a in spec.arms if a.name == seen.get(user)), spec.arms[0])
        assert config == dict(arm.config.values)
    arms = lab.arms_of(experiment)
    assert seen == {user: arms[user] for user in lab.platform.people.ids[:60] if user in arms}
    assert len(set(seen.values())) == 3
