"""No patch release adds a test to a suite that third parties pass."""

import sys
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.testing import CriticContract

sys.path.insert(0, str(Path(__file__).parent))

import promise

PROMISED = tomllib.loads(promise.LIST.read_text(encoding="utf-8"))


def test_every_suite_asks_what_was_promised_and_no_more():
    assert not promise.broken(promise.asked(), PROMISED, *promise.version())


def test_the_list_is_of_every_suite():
    suites = {test.partition("::")[0] for test in PROMISED["tests"]}
    assert suites == {suite.__name__ for suite in promise.SUITES}


class Stricter(CriticContract):
    """The suite of critics, and one test more."""

    @pytest.mark.parametrize("mood", ["good", "bad"])
    def test_it_is_polite(self, mood):
        """Else people are cross."""


Stricter.__name__ = CriticContract.__name__


@pytest.mark.parametrize(
    ("release", "patch", "advice"),
    [
        ("0.4", 0, f"run `{promise.COMMAND}`, and say in the changelog"),
        ("0.4", 1, "raise the minor version in pyproject.toml, then run"),
        ("0.5", 0, f"the list is of 0.4, and this is 0.5: run `{promise.COMMAND}`"),
    ],
)
def test_a_test_more_is_told_with_what_to_do(release, patch, advice):
    promised = {"release": "0.4", "tests": promise.asked([CriticContract])}
    assert promise.broken(promise.asked([CriticContract]), promised, "0.4", patch) == ""
    told = promise.broken(promise.asked([Stricter]), promised, release, patch)
    assert advice in told
    if release == "0.4":
        assert "CriticContract::test_it_is_polite[good], CriticContract::test_it_is_polite[bad]" in told


def test_a_test_less_breaks_no_promise():
    promised = {"release": "0.4", "tests": promise.asked([Stricter])}
    assert promise.broken(promise.asked([CriticContract]), promised, "0.4", 3) == ""


def test_the_command_does_not_hide_a_broken_promise(tmp_path, monkeypatch):
    listed, project = tmp_path / "promised.toml", tmp_path / "pyproject.toml"
    monkeypatch.setattr(promise, "LIST", listed)
    monkeypatch.setattr(promise, "PYPROJECT", project)
    project.write_text('project.version = "0.4.0"')
    promise.main()
    assert tomllib.loads(listed.read_text()) == {"release": "0.4", "tests": promise.asked()}
    listed.write_text('release = "0.4"\ntests = []')
    project.write_text('project.version = "0.4.1"')
    with pytest.raises(SystemExit, match="raise the minor version"):
        promise.main()
    assert listed.read_text() == 'release = "0.4"\ntests = []'
