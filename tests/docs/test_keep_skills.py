"""The how-to on skills names every command, and the limits that the code has."""

import re
from pathlib import Path

from rectune_dsl.cli.skills import command
from rectune_dsl.skillhub import archive, content, knowledge, revisions, tidy

PAGE = (Path(__file__).parents[2] / "docs/how-to/keep-skills.md").read_text(encoding="utf-8")


def test_it_shows_every_command_and_no_other():
    assert set(re.findall(r"\$ rectune skills (\w+)", PAGE)) == set(command.commands)


def test_every_option_it_uses_is_there():
    for verb, rest in re.findall(r"\$ rectune skills (\w+)(.*)", PAGE):
        known = {name for param in command.commands[verb].params for name in param.opts}
        assert set(re.findall(r"--\w+", rest)) <= known


def test_the_limits_are_the_codes():
    table = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE))
    numbers = [tuple(map(int, re.findall(r"\d+", limit))) for limit in table.values()]
    assert [found for found in numbers if found] == [
        (tidy.RECORDS,),
        (tidy.TOMBSTONES,),
        (knowledge.NEWEST, knowledge.MARKS),
        (tidy.KEYS,),
        (tidy.STATEMENT, tidy.WHY, tidy.NAME),
        (revisions.HISTORY,),
        (content.LINES - 1, content.RESERVED),
    ]
    assert f"{archive.ARCHIVE // 2**20} MiB in" in PAGE
    assert f"{archive.LARGEST['SKILL.md'] // 2**10} KiB of page" in PAGE
    assert f"{archive.LARGEST['assets/knowledge.toml'] // 2**20} MiB of records" in PAGE
