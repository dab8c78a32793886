"""Every block of the documentation is run here, or by another test, or says why it is not."""

import contextlib
import json
import re
import tomllib

import pytest
import tomli_w
from page_blocks import PAGES, ROOT, blocks, is_part, name_of
from page_shell import Shell, commands, missing

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.explain import base
from rectune_dsl.dsl.source import Source
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.project import changed
from rectune_dsl.workflow.environment import environment

pytestmark = pytest.mark.slow

KINDS = ("console", "json", "python", "sh", "toml")
TESTS = re.compile(r"^ *(def test_|class Test)", re.MULTILINE)
RUN = [page for page in PAGES if any(block.is_run_here for block in blocks(page))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_can_be_run_or_a_comment_says_why_not(page):
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        match block.mark:
            case "part of":
                file = (ROOT / block.about).read_text(encoding="utf-8")
                assert is_part(block.text, file), f"{where}: not in {block.about}"
            case "run by":
                test = (ROOT / block.about).read_text(encoding="utf-8")
                assert page.name in test, f"{where}: {block.about} does not read the page"
            case "" | "checked with":
                assert block.language in KINDS, f"{where}: write <!-- not run: REASON --> before it"


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_blocks_of_a_page_do_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell, code = Shell(tmp_path), []
    for block in blocks(page):
        if block.is_run_here:
            with told(f"{name_of(page)}:{block.line}"):
                run(block, shell, code)


@contextlib.contextmanager
def told(where):
    """Whatever goes wrong is said to go wrong there."""
    try:
        yield
    except Exception as error:
        error.add_note(where)
        raise


def run(block, shell, code):
    """Do with a block of a page what its readers do; `code` is the Python so far."""
    if block.name:
        shell.write(block.name, block.text)
    match block.language:
        case "toml" if block.name:
            sound_file(block.name)
        case "toml":
            sound_fragment(block)
        case "json":
            json.loads(block.text)
        case "python":
            code.append(block.text)
            shell.write("test_page.py", "\n\n".join(code))
            command = "python -m pytest -q" if TESTS.search(block.text) else "python"
            succeed(shell, f"{command} test_page.py")
        case "sh":
            succeed(shell, f"set -euo pipefail\n{block.text}")
        case "console":
            follow(block.text, shell)


def succeed(shell, script):
    status, said = shell.run(script)
    assert status == 0, f"{script}\n{said}"


def follow(transcript, shell):
    """Each command says what the page says, and ends as it says: well, or with `(exit code N)`."""
    for command, expected in commands(transcript):
        status, said = shell.run(command)
        expected, _, ended = expected.partition("(exit code ")
        assert status == int(ended.partition(")")[0] or 0), f"$ {command}\n{said}"
        lacking = missing(command, said, expected)
        assert lacking is None, f"$ {command}\nsays\n{said}\nand not\n{lacking}"


def sound_file(name):
    """A task, alone or with what it extends, has no problem; what is no task is TOML."""
    source = Source.read(name)
    table = tomllib.loads(source.text)
    if "task" in table or "extends" in table:
        assert problems(source) == []


def sound_fragment(block):
    """A whole task has no problem; a part of one, laid over a small task, no error."""
    table, whole = tomllib.loads(block.text), block.text
    if "task" not in table:
        below = changed(tomllib.loads(base()), tomllib.loads(block.about))
        whole = tomli_w.dumps(changed(below, table))
    found = problems(Source("block.toml", whole))
    assert [problem for problem in found if "task" in table or problem.startswith("error")] == []


def problems(source):
    return [f"{p.severity} {p.code} {p.message}" for p in check(source, environment(Host())).problems]
