"""The how-to on the console, and what security says of it: its commands run, its promises are the code's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click

from rectune_dsl.cli import rectune
from rectune_dsl.memory.process import user_name
from rectune_dsl.ui.door import IDLE_SECONDS, SECRET_BYTES
from rectune_dsl.ui.guard import HEADERS, LARGEST_BODY
from rectune_dsl.ui.lines import PER_PAGE, STATES
from rectune_dsl.ui.serve import ADDRESS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/approve-in-a-browser.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## The console")[2]


def test_its_commands_have_the_verbs_and_options_that_it_shows():
    commands = re.findall(r"(?m)^\$ rectune (\S+)(.*)$", PAGE) + re.findall(r"`rectune (\w+)([^`]*)`", PAGE)
    assert {verb for verb, _ in commands} >= {"ui", "run", "tick", "status", "approve", "report"}
    for verb, rest in commands:
        command = rectune.get_command(click.Context(rectune), verb)
        known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        assert set(re.findall(r"--\w+", rest)) <= known
    options = {param.name: param for param in rectune.get_command(click.Context(rectune), "ui").params}
    assert options["by"].default is user_name  # as the page says of who is on record without it


def test_the_console_prints_what_the_page_shows(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    task = (ROOT / "tests/workflow/planted.toml").read_text() + '[approval]\nmode = "ask"\n'
    (tmp_path / "task.toml").write_text(task)
    start = [sys.executable, "-m", "rectune_dsl", "--plugin", str(ROOT / "tests/workflow/planted.py")]
    run, ui = re.findall(r"(?m)^\$ rectune ((?:run|ui) .*)$", PAGE)[:2]
    subprocess.run([*start, *run.split()], cwd=tmp_path, env=environment, check=True, capture_output=True)
    told = {"cwd": tmp_path, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    with subprocess.Popen([*start, *ui.split()], text=True, **told) as process:
        printed = process.stdout.readline() + process.stdout.readline()
        process.kill()
    shape = re.compile(r":\d+/enter\?token=\S+")
    assert shape.sub("", printed) in shape.sub("", PAGE)


def test_its_states_are_those_of_the_list():
    assert tuple(re.findall(r"(?m)^\| ([a-z ]+) \| (?!means)", PAGE.partition("| state |")[2])) == STATES


def test_the_numbers_are_the_codes():
    assert f"{PER_PAGE} on a page" in PAGE
    hours = f"{IDLE_SECONDS / 3600:.0f} hours without use"
    assert hours in PAGE
    assert hours in SECURITY
    assert f"{SECRET_BYTES * 8} random bits" in SECURITY
    assert f"{LARGEST_BODY // 1024} KiB" in SECURITY
    assert f"listens on {ADDRESS} only" in SECURITY
    assert HEADERS["Content-Security-Policy"].startswith(re.search(r"`(default-src [^`]+)`", SECURITY)[1])
