"""The file: what others wrote in it stays, readers see whole versions only, and a kill loses nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from platforms import FIRST, PRODUCTION, Platform, provider, spec_of
from rectune_flagd.splice import spliced

from rectune_dsl.hooks.api import BackendError, Config, RectuneError, UsageError

OTHERS = """{
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "metadata": {"version": "7"},
    "flags": {
        "limit": {"state": "ENABLED", "variants": {"low": 1.50, "big": 1e3},
            "defaultVariant": "low"},
        "größe": { "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off" }
    }
}
"""

# --- other people's flags ----------------------------------------------------------------------------


def test_every_character_of_other_flags_stays(platform: Platform) -> None:
    platform.path.write_text(OTHERS)
    delivery = platform.launch(spec_of())
    delivery.deliver(Config({"a": 3.0, "b": 0.5}))
    text = platform.path.read_text()
    for line in OTHERS.splitlines()[1:6]:
        assert line.rstrip("}") in text
    with provider(platform.path) as asked:
        assert asked.resolve_float_details("limit", 0.0).value == 1.5
    assert json.loads(text)["flags"]["home-feed"]["defaultVariant"] == "production"


numbers = st.sampled_from(["1.50", "1e3", "-0", "12345678901234567890", "0.1000"])
names = st.text(max_size=8)


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON objects as people write them: with any spaces, and numbers in any form."""
    space = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t"])
    members = []
    for key in draw(st.lists(names, unique=True, max_size=3)):
        value = draw(objects(depth - 1)) if depth and draw(st.booleans()) else draw(numbers)
        members.append(f"{draw(space)}{json.dumps(key)}{draw(space)}:{draw(space)}{value}{draw(space)}")
    return "{" + (",".join(members) or draw(space)) + "}"


@given(objects(), st.lists(names, min_size=1, max_size=2), st.dictionaries(names, st.integers() | names))
def test_a_spliced_text_has_the_value_and_all_else_as_it_was(
    text: str, path: list[str], value: dict[str, object]
) -> None:
    before = exact(text)
    above: Any = before
    for key in path[:-1]:
        above = above.setdefault(key, {})
        if not isinstance(above, dict):
            with pytest.raises(ValueError, match="no object"):
                spliced(text, path, value)
            return
    above[path[-1]] = exact(json.dumps(value))
    once = spliced(text, path, value)
    assert exact(once) == before
    assert spliced(once, path, value) == once


def exact(text: str) -> Any:
    """A JSON text with its numbers as they are written, and members in their order."""
    return json.loads(text, parse_int=lambda n: f"number {n}", parse_float=lambda n: f"number {n}")


def test_what_operators_say_of_the_flag_stays(platform: Platform) -> None:
    """Its `state` is their brake: no call of a campaign lets it go."""
    delivery = platform.launch(spec_of())
    data = json.loads(platform.path.read_text())
    data["flags"]["home-feed"] |= {"state": "DISABLED", "metadata": {"owner": "feed team"}}
    platform.path.write_text(json.dumps(data))
    delivery.set_exposure(spec_of().key, 0.5)
    flag = json.loads(platform.path.read_text())["flags"]["home-feed"]
    assert (flag["state"], flag["metadata"]) == ("DISABLED", {"owner": "feed team"})
    assert "DISABLED" in "".join(delivery.check())


def test_two_flags_of_one_file_have_states_of_their_own(platform: Platform) -> None:
    one, two = platform.delivery(), platform.delivery(flag="other")
    one.deliver(Config({"a": 2.0, "b": 0.5}))
    two.deliver(Config({"a": 4.0, "b": 0.5}))
    one.rollback()
    served = [platform.values(["ann"], flag=flag)["ann"]["config"]["a"] for flag in ("home-feed", "other")]
    assert served == [1.0, 4.0]


# --- whole versions ----------------------------------------------------------------------------------


def test_a_running_application_gets_every_change(platform: Platform) -> None:
    """Over the OpenFeature SDK, whose provider watches the file."""
    delivery = platform.launch(spec_of(users_per_arm=4_000))
    made = FlagdProvider(
        resolver_type=ResolverType.FILE, offline_flag_source_path=str(platform.path), deadline_ms=5
    )
    api.set_provider_and_wait(made)
    client = api.get_client()

    def asked() -> Mapping[str, Any]:
        value = client.get_object_value("home-feed", {}, EvaluationContext("ann", {"now": FIRST.timestamp()}))
        assert isinstance(value, Mapping)
        return value

    try:
        assert asked()["experiment"] == spec_of().key
        for number in range(20):
            delivery.deliver(Config({"a": number / 10, "b": 0.5}))
        delivery.stop(spec_of().key, "finished")
        deadline = time.monotonic() + 10
        while asked()["experiment"] is not None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert asked() == {"experiment": None, "arm": None, "config": {"a": 1.9, "b": 0.5}}
    finally:
        api.shutdown()


def test_every_version_has_a_later_time_than_the_one_before(platform: Platform) -> None:
    """Else a watcher misses the second of two changes that a clock cannot tell apart, or any after it was set
    back."""
    delivery = platform.launch(spec_of())
    ahead = time.time() + 3_600
    os.utime(platform.path, (ahead, ahead))
    for number in range(3):
        before = platform.path.stat().st_mtime
        delivery.deliver(Config({"a": float(number), "b": 0.5}))
        assert platform.path.stat().st_mtime > before


def test_readers_see_no_half_of_a_file(platform: Platform) -> None:
    delivery = platform.launch(spec_of())
    seen, done = Counter[float](), threading.Event()

    def read() -> None:
        while not done.is_set():
            data = json.loads(platform.path.read_bytes())
            state, flag = data["$rectune"]["home-feed"], data["flags"]["home-feed"]
            assert state["production"] == flag["variants"]["production"]["config"]
            seen[state["production"]["a"]] += 1

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(60):
            delivery.deliver(Config({"a": number / 10, "b": 0.5}))
    finally:
        done.set()
        reader.join()
    assert len(seen) > 3


def test_two_writers_lose_nothing(platform: Platform) -> None:
    platform.launch(spec_of())
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.starmap(_create_some, [(platform, writer) for writer in range(3)])
    state = json.loads(platform.path.read_text())["$rectune"]["home-feed"]
    assert len(state["trials"]) == 1 + 3 * 5


def _create_some(platform: Platform, writer: int) -> None:
    for number in range(5):
        key = f"{writer}/{number}"
        platform.delivery().create(spec_of(key=key, salt=key), key, platform.population)


def test_modes_and_links_stay(platform: Platform, tmp_path: Path) -> None:
    """flagd runs as another user, who has to read what replaces the file."""
    real = tmp_path / "mounted" / "real.json"
    real.parent.mkdir()
    real.write_text(OTHERS)
    real.chmod(0o664)
    platform.path.symlink_to(real)
    platform.launch(spec_of())
    assert platform.path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o664
    assert "home-feed" in json.loads(real.read_text())["flags"]


# --- kill -9 -----------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from platforms import *
platform, spec = Platform(Path({folder!r})), spec_of()
for number in range(10**6):
    delivery = platform.delivery()
    delivery.create(spec, spec.key, platform.population)
    delivery.set_exposure(spec.key, (number % 10 + 1) / 10, at=FIRST)
    delivery.start(spec.key)
    delivery.deliver(Config({{"a": number % 7 / 2, "b": 0.5}}))
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_file_and_moves_nobody(platform: Platform) -> None:
    code = CHILD.format(tests=str(Path(__file__).parent), folder=str(platform.folder))
    users = [f"user-{n}" for n in range(300)]
    known: dict[str, str] = {}
    for kill in range(5):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.003 * kill)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        spec = spec_of()
        delivery = platform.delivery()
        assert delivery.create(spec, spec.key, platform.population) == spec.key
        assert list(delivery.check()) == []
        arms = platform.arms(spec.key, users)
        assert all(known.get(user, arm) == arm for user, arm in arms.items())
        known |= arms
    state = json.loads(platform.path.read_text())["$rectune"]["home-feed"]
    assert list(state["trials"]) == [spec_of().key]
    delivery.set_exposure(spec.key, 1.0)
    delivery.deliver(PRODUCTION)
    assert platform.arms(spec.key, users).keys() >= known.keys()


# --- what goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is no flag definition"),
        ('{"flags": []}', "is no flag definition"),
        ('{"flags": {"home-feed": {"state": "ENABLED"}}}', "was not made by rectune"),
        ('{"$rectune": {"home-feed": {"production": "x"}}}', "no state of flag"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_of_and_left(platform: Platform, text: str, said: str) -> None:
    platform.path.write_text(text)
    delivery = platform.delivery()
    assert said in "".join(delivery.check())
    with pytest.raises(BackendError, match=said) as error:
        delivery.deliver(PRODUCTION)
    assert error.value.help
    assert platform.path.read_text() == text


def test_a_folder_that_is_not_there_is_told_of(platform: Platform) -> None:
    delivery = platform.delivery(file="nowhere/flags.json")
    assert "no folder" in "".join(delivery.check())
    with pytest.raises(BackendError, match="cannot be written") as error:
        delivery.deliver(PRODUCTION)
    assert "folder" in error.value.help


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_not_writable_is_told_of(platform: Platform) -> None:
    platform.folder.chmod(0o555)
    assert "not writable" in "".join(platform.delivery().check())


def test_checks_write_nothing(platform: Platform) -> None:
    assert list(platform.delivery().check()) == []
    assert list(platform.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"file": "flags.yaml"}, "YAML"), ({"flags": "x"}, "did you mean")],
)
def test_wrong_settings_are_told_of(platform: Platform, settings: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        platform.delivery(**settings)
    told: RectuneError = error.value
    assert said in f"{told} {told.help}"
