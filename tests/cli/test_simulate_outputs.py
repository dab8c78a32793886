"""`rectune simulate`: what cannot be written is told before the work; defaults are those of the simulator."""

import inspect
import os
import sys
from pathlib import Path

import pytest

from rectune_dsl.cli import simulate
from rectune_dsl.simulator import calibrate, describe, fit
from rectune_dsl.simulator.worlds import parse

CALIBRATE = ("calibrate", "shop", "--users", "500", "--rounds", "1")


@pytest.fixture
def untouched(monkeypatch):
    """Measuring a world is an error."""

    def work(*arguments, **named):
        raise AssertionError("the work has begun")

    for module in (calibrate, describe, fit):
        monkeypatch.setattr(module, "exposures", work)


@pytest.mark.parametrize(
    "arguments", [(*CALIBRATE, "-o", "none/ours.toml"), ("describe", "shop", "--png", "none/shop.png")]
)
def test_a_folder_that_is_not_there_is_told_before_the_work(rectune, untouched, arguments):
    done = rectune("simulate", *arguments)
    assert done.code == 2
    assert "there is no folder none" in done.err


@pytest.mark.parametrize("name", ["shop.doc", "shop"])
def test_a_format_that_nobody_draws_is_told_before_the_work(rectune, untouched, name):
    done = rectune("simulate", "describe", "shop", "--png", name)
    assert done.code == 2
    assert "name a file that ends in .png" in done.err


@pytest.mark.parametrize("name", ["altair", "vl_convert"])
def test_a_missing_package_is_told_before_the_work(rectune, untouched, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    done = rectune("simulate", "describe", "shop", "--png", "shop.png")
    assert done.code == 2
    assert f"a picture needs the package {name}, which is not installed" in done.err
    assert "pip install 'rectune[report]'" in done.err


def test_a_file_that_is_closed_to_us_is_told_before_the_work(rectune, untouched, monkeypatch, tmp_path):
    (tmp_path / "ours.toml").touch()
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)  # root may write anywhere
    done = rectune("simulate", *CALIBRATE, "-o", "ours.toml")
    assert done.code == 2
    assert "ours.toml is read-only" in done.err


def test_a_world_that_cannot_be_written_after_all_is_printed(rectune, monkeypatch):
    def full(self, *arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    done = rectune("simulate", *CALIBRATE, "-o", "ours.toml")
    assert done.code == 2
    assert "No space left on device" in done.err
    assert parse(done.out).name == "shop"


def test_defaults_are_those_of_the_simulator():
    """They are written twice, so that `--help` imports no NumPy."""
    verbs = {
        name: {option.name: option.default for option in verb.params}
        for name, verb in simulate.command.commands.items()
    }
    for verb in ("fit", "describe"):
        assert (verbs[verb]["users"], verbs[verb]["seed"]) == (fit.USERS, fit.SEED)
    called = inspect.signature(calibrate.calibrated).parameters
    assert verbs["calibrate"]["users"] == called["users"].default == calibrate.USERS
    assert verbs["calibrate"]["rounds"] == called["rounds"].default == calibrate.ROUNDS
    assert verbs["calibrate"]["seed"] != fit.SEED
