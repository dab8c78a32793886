"""The commands of the page on PostgreSQL, on a real server."""

from page_blocks import ROOT, blocks
from page_shell import commands, missing

from rectune_dsl.cli.common import store_flag

PAGE = ROOT / "docs/how-to/postgresql.md"


def test_its_commands_do_what_it_says(rectune_project, postgresql):
    (block,) = [block for block in blocks(PAGE) if block.language == "console"]
    (setting, _), *others = commands(block.text)
    name, _, url = setting.removeprefix("export ").partition("=")
    rectune_project.env |= {name: postgresql(), "COLUMNS": "300"}
    rectune_project.task(approval={"mode": "ask"}, experiment={"rounds": 1})
    for command, expected in others:
        done = rectune_project.run(*command.split()[1:])
        assert done.exit_code == 0, done.stderr
        said = done.stdout.replace(store_flag(rectune_project.env[name]), f" --store {url}")
        assert missing(command, said, expected) is None, f"$ {command}\n{said}"
    assert not (rectune_project.path / ".rectune/journal.sqlite").exists()


def test_a_hint_shows_no_password():
    assert store_flag("postgresql://ada:secret@db:5432/runs") == " --store postgresql://ada@db:5432/runs"
    assert store_flag("postgresql://ada@db/runs") == " --store postgresql://ada@db/runs"
    assert store_flag("deep/journal.sqlite") == " --store deep/journal.sqlite"
