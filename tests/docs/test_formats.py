"""The page on formats tells of every key that commands print and that a journal has."""

import json
import re
import sqlite3
import tomllib

import pytest
from page_blocks import ROOT

from rectune_dsl.llm.cassette import Take
from rectune_dsl.memory.tables import METADATA

PAGE = (ROOT / "docs/reference/formats.md").read_text(encoding="utf-8")
BOLD = """
from rectune_dsl.hooks.api import Config, Prediction, Recommendation
from rectune_dsl.hooks.specs import hookimpl
from rectune_dsl.plugins.host import Host

class Bold:
    def __init__(self):
        self.propose = Host().agent("actor", "funnel").propose

    def recommend(self, context):
        lifts = [Prediction(name, 0.1, 0.0, 0.2) for name in ("watch_minutes", "next_day_return")]
        config = Config({"w_long": 5.0})
        return Recommendation(config, False, tuple(lifts), lifts[0], 1.0, 1.0, "to see it confirmed")

@hookimpl
def rectune_register_agents(register):
    register("actor", "bold", Bold)
"""
"""An Actor that always has something to confirm."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    from rectune_dsl.testing.project import Project

    made = Project(tmp_path_factory.mktemp("formats"))
    made.plugin(BOLD)
    made.task(experiment={"rounds": 1}, agents={"actor": "bold"})
    done = made.run("run", "task.toml")
    assert done.exit_code == 0, done.stderr
    return made


def told(heading):
    """The keys in the tables of a section: those of rows that name several, too."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return {
        key
        for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
        for key in re.findall(r"`([^`]+)`", row)
    }


@pytest.mark.parametrize(
    ("heading", "arguments"),
    [
        ("`show --json`", ("show", "last", "--json")),
        ("`status --json`", ("status", "last", "--json")),
        ("`plan --json`", ("plan", "task.toml", "--json")),
        ("`ls --json`", ("ls", "--json")),
        ("`skills --json`", ("skills", "--json")),
        ("`skills log --json`", ("skills", "log", "starter", "--json")),
        ("`plugins --json`", ("plugins", "--json")),
    ],
)
def test_every_key_that_is_printed_is_told_and_no_other(project, heading, arguments):
    printed = json.loads(project.run(*arguments).stdout)
    lists = ("rounds", "runs", "skills", "revisions", "plugins")
    below = {f"{name}[]": printed[name][0] for name in lists if isinstance(printed.get(name), list)}
    below |= {"power": printed["power"]} if "power" in printed else {}
    keys = {*printed, *(f"{name}.{key}" for name, table in below.items() for key in table)}
    assert told(heading) == keys


def test_every_key_of_a_problem_is_told_and_no_other(project):
    project.write("wrong.toml", (project.path / "task.toml").read_text().replace("+ w_long", "+ w_lng"))
    printed = json.loads(project.run("check", "wrong.toml", "--output-format", "json").stdout)
    keys = {*printed, *printed["diagnostics"][0], "fixed"}
    assert told("`check --output-format json`") == keys


def test_every_key_of_an_exported_config_is_told(project):
    exported = tomllib.loads(project.run("export", "last").stdout)
    provenance = {f"provenance.{key}" for key in exported.pop("provenance")}
    assert told("`export`") == provenance | exported.keys() | {"segments", "sources", "provenance.aborted"}


def test_every_entry_of_a_journal_is_told(project):
    journal = sqlite3.connect(project.path / ".rectune/journal.sqlite")
    keys = [key for (key,) in journal.execute("SELECT key FROM rectune_entries")]
    assert "confirm/look-1" in keys, "nothing was confirmed"
    known = told("The journal")
    for key in keys:
        form = re.sub(r"attempt:\d+:.*", "attempt:N:KEY", key)
        form = re.sub(r"-\d+\b", "-N", re.sub(r"judge-.*", "judge-SKILL", form))
        of_round = form.replace("confirm/", "round-N/experiment/")
        assert {form, of_round} & known or form.rpartition("/")[2] in PAGE.partition("also")[2], key


def test_every_table_and_field_is_told():
    for table in METADATA.tables:
        assert f"`{table}`" in PAGE
    (fields,) = re.findall(r"JSON lines, one per answer: ([^.]*)\.", PAGE)
    assert re.findall(r"`(\w+)`", fields) == list(Take.model_fields)
