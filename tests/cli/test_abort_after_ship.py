"""A run that was aborted after it had shipped is told in one way, whoever tells it."""

import json
import tomllib
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal
from rectune_dsl.workflow.standing import standing

WORKFLOW = Path(__file__).parents[1] / "workflow"
PLANTED = ("--plugin", WORKFLOW / "planted.py")
TAKEN_BACK = "What it had shipped is taken back: the config before it is production again."


@pytest.fixture
def shipped(rectune, tmp_path, platform):
    """Runs a campaign that ships."""
    platform()
    (tmp_path / "task.toml").write_text((WORKFLOW / "planted.toml").read_text())

    def run(seed=0):
        assert "ship" in rectune(*PLANTED, "run", "task.toml", "--seed", seed, "-q").out

    return run


@pytest.fixture
def aborted(rectune, shipped):
    shipped()
    return rectune(*PLANTED, "abort", "last", "--by", "eve", "--why", "an incident").out


def test_show_says_first_that_it_was_aborted_after_it_shipped(rectune, aborted):
    told = rectune("show", "last").out
    _, first, *reasons = told.split("Verdict ─")[1].splitlines()
    assert first.startswith("aborted: It was shipped at ")
    assert "then aborted by eve at " in first
    assert TAKEN_BACK in [reason.strip() for reason in reasons]
    assert "rectune export" not in told
    assert TAKEN_BACK in " ".join(rectune("status", "last").out.split())


def test_an_export_says_so_in_its_provenance(rectune, aborted):
    done = rectune("export", "last")
    provenance = tomllib.loads(done.out)["provenance"]
    assert provenance["verdict"] == "ship"
    told = provenance["aborted"]
    assert (told["by"], told["why"], told["taken_back"]) == ("eve", "an incident", True)
    assert told["shipped_at"][:10] <= told["at"][:10]
    assert "aborted by eve" in done.err


def test_the_report_says_when_it_shipped_and_that_it_was_taken_back(rectune, aborted):
    text = rectune("report", "last", "--format", "md", "-o", "-").out
    assert "It was shipped at " in text
    assert "then aborted by eve at " in text
    assert "and taken back." in text
    assert "There is no verdict" not in text
    end = json.loads(rectune("report", "last", "--format", "json", "-o", "-").out)["end"]
    assert (end["decision"], end["abort"]["verdict"], end["abort"]["taken_back"]) == ("", "ship", True)


def test_a_second_abort_takes_nothing_back(rectune, aborted, tmp_path):
    calls = (tmp_path / "calls.jsonl").read_text()
    again = rectune(*PLANTED, "abort", "last", "--by", "bob", "--why", "once more")
    assert again.code == 0
    assert "aborted by eve at" in again.out
    assert "nothing is left to do" in again.out
    assert "taken back" not in again.out
    assert (tmp_path / "calls.jsonl").read_text() == calls
    assert "taken back" in aborted


def test_what_stays_is_said_to_stay_and_why(rectune, shipped):
    shipped()
    first = rectune("export", "last").out.split('run = "')[1].split('"')[0]
    shipped(1)
    rectune(*PLANTED, "abort", first, "--by", "eve", "--why", "an incident")
    kept = tomllib.loads(rectune("export", first).out)["provenance"]["aborted"]
    assert kept["taken_back"] is False
    for words in (("report", first, "--format", "md", "-o", "-"), ("show", first), ("status", first)):
        told = " ".join(rectune(*words).out.split())
        assert kept["kept"] in told
        assert TAKEN_BACK not in told


def test_what_is_over_and_serves_nothing_cannot_be_aborted(rectune, platform, tmp_path):
    platform()
    text = (WORKFLOW / "planted.toml").read_text().replace("<= +2%", "<= 0%")
    (tmp_path / "task.toml").write_text(text)
    assert "keep production" in rectune(*PLANTED, "run", "task.toml", "-q").out
    journal = Journal(".rectune/journal.sqlite")
    assert not standing(journal, journal.find("last").run).abortable
    before = rectune("show", "last", "--json").out
    done = rectune(*PLANTED, "abort", "last", "--by", "eve", "--why", "to be sure")
    assert done.code == 2
    assert "is over, and nothing of it is served" in done.err
    assert rectune("show", "last", "--json").out == before
