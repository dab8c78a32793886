"""What is seen of long work: bars on terminals, plain lines elsewhere, little where little was asked for."""

import ast
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLOR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")
ERRORS = {"UsageError", "PluginError", "BackendError", "StoreError", "NoStoreError", "RunHeldError"}
"""Whose last word is what to do next."""


@pytest.fixture
def small(rectune_project):
    """A task whose campaign takes a second or two."""
    return rectune_project.task()


def on_a_terminal(command, environment, folder):
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # nobody writes any more
                break
            if not piece:
                break
            written += piece
    os.close(ours)
    assert process.returncode == 0, written.decode()
    return written.decode()


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_sees_a_bar_with_the_time_left_and_colors_unless_told_not_to(
    small, environment, no_color, tmp_path
):
    told = {
        **environment,
        "TERM": "xterm-256color",
        "COLUMNS": "120",
        **({"NO_COLOR": "1"} if no_color else {}),
    }
    told.pop("RECTUNE_QUIET", None)
    shown = on_a_terminal([sys.executable, "-m", "rectune_dsl", "run", str(small)], told, tmp_path)
    assert re.search(r"\d:\d\d:\d\d left", shown)
    assert "round 2 of 2: the Actor proposes" in shown
    assert "verdict:" in shown
    assert bool(COLOR.search(shown)) != no_color


def test_what_is_no_terminal_gets_plain_lines(finished):
    assert "round 1 of 3" in finished.out
    for text in (finished.out, finished.err):
        assert "\x1b" not in text
        assert "\r" not in text
        assert " left" not in text


def test_a_quiet_run_is_a_line(rectune, small):
    done = rectune("run", small, "--quiet")
    assert re.fullmatch(r"starter-[\w-]+: (ship|hold|keep production)\n", done.out)
    assert "warning" in done.err  # who wants no progress wants to know what is wrong


def test_quiet_verbs_print_what_is_wrong_and_nothing_else(rectune, small, tmp_path):
    planned = rectune("plan", small, "--quiet")
    assert planned.out.startswith(f"{small}:")
    assert "workflow" not in planned.out
    assert rectune("check", small, "-q").out == ""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(small.read_text().replace("p_click + ", "p_clik + "))
    refused = rectune("check", "-q", wrong)
    assert refused.code == 2
    assert refused.out.count("RT") == 1
    assert "1 file" not in refused.out


def test_the_environment_can_ask_for_quiet(rectune, small, monkeypatch):
    monkeypatch.setenv("RECTUNE_QUIET", "1")
    assert rectune("check", small).out == ""


def test_a_quiet_calibration_writes_the_world_only(rectune):
    done = rectune("simulate", "calibrate", "--users", 500, "--rounds", 1, "--quiet")
    assert done.err == ""
    assert done.out.startswith("# Made by")


def test_a_quiet_tick_tells_of_what_fails_only(rectune, small):
    rectune("run", small, "-q")
    assert rectune("tick", "last", "-q").out == ""
    assert ": " in rectune("tick", "last").out


def test_every_error_says_what_to_do_next():
    """Where it is raised: a fallback is for plugins of others."""
    lacking = []
    for path in (*(ROOT / "rectune_dsl").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            raised = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS
            if raised and not any(word.arg == "help" for word in node.keywords):
                lacking.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert lacking == []


def test_an_error_of_others_that_says_nothing_ends_with_what_to_do_all_the_same(rectune, small, tmp_path):
    plugin = tmp_path / "mute.py"
    plugin.write_text(
        "from rectune_dsl.hooks.specs import hookimpl\n"
        "from rectune_dsl.hooks.api import BackendError\n\n"
        "def broken(context):\n    raise BackendError('it fails')\n\n"
        "@hookimpl\ndef rectune_register_backends(register):\n    register('mute', broken)\n"
    )
    done = rectune("--plugin", plugin, "plan", small, "--backend", "mute")
    assert done.code == 3
    assert re.search(r"error: .*it fails\nhelp: \S", done.err)
