"""`rectune init`: a first task that is right, explains itself, runs, and never covers anybody's work."""

import re
import tomllib

import pytest

from rectune_dsl.cli.init import starter
from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.environment import environment as known

BLOCKS = re.findall(r"(?m)(?:^#(?![ :]).*\n?)+", starter())


def problems(text: str) -> list[str]:
    checked = check(Source("task.toml", text), known(Host()))
    return [f"{p.code} {p.line}: {p.message}" for p in checked.problems]


def test_the_starter_is_right_and_so_are_the_commands_it_names(rectune, tmp_path):
    made = rectune("init")
    assert made.code == 0
    assert {file.name for file in tmp_path.iterdir()} == {"task.toml", "task.schema.json"}
    checked = rectune("check", "task.toml")
    assert (checked.code, checked.out) == (0, "1 file: no problems\n")
    for command in ("rectune check task.toml", "rectune plan task.toml", "rectune run task.toml"):
        assert command in made.out
    assert rectune("show-task", "task.toml").code == 0


def test_a_folder_is_made_and_named_in_the_next_commands(rectune, tmp_path):
    made = rectune("init", "tasks/first")
    assert made.code == 0
    assert "rectune check tasks/first/task.toml" in made.out
    assert (tmp_path / "tasks" / "first" / "task.toml").read_text(encoding="utf-8") == starter()


@pytest.mark.parametrize("taken", ["task.toml", "task.schema.json"])
def test_nothing_is_overwritten(rectune, tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    made = rectune("init")
    assert made.code == 2
    assert f"{taken} is there already" in made.err
    assert "rectune init my-task" in made.err
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(taken, "mine")]


def test_the_schema_accepts_it_and_the_editor_finds_the_schema(rectune, tmp_path):
    import json

    import jsonschema

    rectune("init")
    assert starter().startswith("#:schema ./task.schema.json\n")
    schema = json.loads((tmp_path / "task.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(tomllib.loads(starter()), schema, jsonschema.Draft7Validator)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("]")[0].strip("#["))
def test_every_block_may_be_used(block):
    assert problems(starter().replace(block, re.sub(r"(?m)^#", "", block))) == []


def test_all_blocks_may_be_used_together():
    text = re.sub(r"(?m)^#(?![ :])", "", starter())
    assert problems(text) == []
    shown = set(tomllib.loads(text))
    assert set(Task.model_fields) - shown == {"extends", "plugins", "replay"}


def test_every_table_is_explained():
    lines = starter().splitlines()
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if re.match(r"\[[\w.]+\]$", line):
            assert after.startswith("# "), line
        elif line.startswith("#[") and not before.startswith("#"):
            pytest.fail(f"{line} is not explained")
    assert max(map(len, lines)) <= 120


def test_it_runs_to_a_verdict(rectune, tmp_path):
    rectune("init")
    text = (tmp_path / "task.toml").read_text(encoding="utf-8")
    for old, new in (
        ("rounds        = 3", "rounds = 1"),
        ("8_000", "400"),
        ("60_000", "400"),
        ("= 5\n", "= 2\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "task.toml").write_text(text, encoding="utf-8")
    ran = rectune("run", "task.toml")
    assert ran.code == 0, ran.err
    assert "verdict: " in ran.out
