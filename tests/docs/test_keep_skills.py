"""The how-to on skills names every command, and the limits that the code has."""

import re

import pytest
from page_blocks import ROOT, blocks
from page_shell import Shell, commands, missing

from rectune_dsl.cli.skills import command
from rectune_dsl.skillhub import archive, content, knowledge, revisions, tidy

pytestmark = pytest.mark.slow

KEEP_SKILLS = ROOT / "docs/how-to/keep-skills.md"
PAGE = KEEP_SKILLS.read_text(encoding="utf-8")
REVISION = r"^ [* ]   ([0-9a-f]{12}) "


def test_its_commands_do_what_it_says(tmp_path):
    """Revisions are named by hashes of their contents, other ones in every run: by their place in the log."""
    shell, named = Shell(tmp_path), {}
    transcript = "".join(block.text for block in blocks(KEEP_SKILLS) if block.language == "console")
    for shown, expected in commands(transcript):
        done = " ".join(named.get(word, word) for word in shown.split(" "))
        code, said = shell.run(done)
        assert code == 0, f"$ {done}\n{said}"
        assert missing(done, said, expected) is None, f"$ {done}\n{said}\nand not\n{expected}"
        if "skills log" in shown:
            told, real = (re.findall(REVISION, text, re.MULTILINE) for text in (expected, said))
            named = {there[:4]: here[:4] for there, here in zip(told, real, strict=True)}


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
