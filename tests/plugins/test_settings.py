"""What a task file says to a plugin: its table is checked strictly, and secrets stay outside."""

import sys
from pathlib import Path

import pytest

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.written import to_toml
from rectune_dsl.hooks.api import Settings, UsageError, secret_of, settings_of
from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.environment import environment

TASK = Path(__file__).parents[2] / "tasks" / "value_fusion.toml"


class Flags(Settings):
    file: str
    population: int = 1_000


def task(table):
    checked = check(Source("t.toml", f"{TASK.read_text()}\n{table}"), Environment())
    assert checked.task is not None, checked.problems
    return checked.task


def test_settings_are_typed_and_have_defaults():
    found = settings_of(task('[plugins.flags]\nfile = "flags.json"'), "flags", Flags)
    assert found == Flags(file="flags.json")


def test_all_that_is_wrong_is_said_without_its_values():
    table = '[plugins.flags]\npopulaton = "s3cret"\npopulation = "s3cret"'
    with pytest.raises(UsageError) as failed:
        settings_of(task(table), "flags", Flags)
    said = str(failed.value)
    assert "there is no `populaton` (did you mean `population`?)" in said
    assert "`file` is missing" in said
    assert "`population`: input should be a valid integer" in said
    assert "s3cret" not in said
    assert failed.value.help == "it may have file, population"


def test_without_a_table_it_says_what_is_missing():
    with pytest.raises(UsageError, match=r"\[plugins\.flags\]: `file` is missing"):
        settings_of(task(""), "flags", Flags)


def test_a_task_with_settings_is_written_as_it_was_read():
    read = task('[plugins.flags]\nfile = "f"\nlist = [1, 2]\n[plugins.flags.deep]\nx = 0.5')
    again = check(Source("t.toml", to_toml(read)), Environment())
    assert again.task == read


def test_a_delivery_that_nobody_registered_is_named():
    text = TASK.read_text().replace("[experiment]", '[experiment]\ndelivery = "flagdd"')
    (problem,) = check(Source("t.toml", text), Environment(deliveries=frozenset({"flagd"}))).problems
    assert (problem.code, problem.help) == ("RT519", "did you mean `flagd`?")


def checked_with(plugin, table, tmp_path):
    """The problems of a task with a table, where a single-file plugin is loaded; and what was warned of."""
    file, warned = tmp_path / "plugin.py", []
    file.write_text(f"from rectune_dsl.hooks.specs import hookimpl\n{plugin}")
    found = check(Source("t.toml", f"{TASK.read_text()}\n{table}"), environment(Host([file], warned.append)))
    return found, warned


REGISTERS = """
@hookimpl
def rectune_register_settings(register):
    register("flags", {target!r})
"""


def test_what_a_plugin_registers_is_checked_where_it_stands(tmp_path, monkeypatch):
    (tmp_path / "house_flags.py").write_text(
        "from rectune_dsl.hooks.api import Settings\nclass Flags(Settings):\n    file: str\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugin = REGISTERS.format(target="house_flags:Flags")
    found, _ = checked_with(plugin, '[plugins.other]\nx = "s3cret"', tmp_path)
    assert [p.code for p in found.problems] == ["RT520"]
    assert "house_flags" not in sys.modules  # nobody needed it
    found, _ = checked_with(plugin, '[plugins.flags]\nfil = "s3cret"', tmp_path)
    lines = found.source.text.splitlines()
    assert [(p.code, lines[p.line - 1]) for p in found.problems] == [
        ("RT521", "[plugins.flags]"),
        ("RT521", 'fil = "s3cret"'),
    ]
    assert [p.message for p in found.problems] == ["`file` is missing", "there is no `fil`"]
    assert not any("s3cret" in p.message + p.help for p in found.problems)


@pytest.mark.parametrize("target", ["nobody_has_it:Flags", "json:dumps"])
def test_settings_that_cannot_be_loaded_are_warned_of_and_nothing_else_is_hidden(tmp_path, target):
    plugin = REGISTERS.format(target=target)
    found, warned = checked_with(plugin, "[plugins.flags]\nfile = 1\n[plugins.other]", tmp_path)
    assert [p.code for p in found.problems] == ["RT520"]
    (said,) = warned
    assert "settings 'flags'" in said


def test_a_secret_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("FLAGS_TOKEN", " abc ")
    assert secret_of("FLAGS_TOKEN", "the token of the flag service") == "abc"
    monkeypatch.delenv("FLAGS_TOKEN")
    with pytest.raises(UsageError, match="FLAGS_TOKEN is not set") as failed:
        secret_of("FLAGS_TOKEN", "the token of the flag service")
    assert "the token of the flag service" in failed.value.help
