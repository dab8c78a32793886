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


def through_pipes(environment, folder, *arguments):
    """What a command writes where nobody looks, if a tenth of a second is a long time."""
    impatient = (
        "from rectune_dsl import cli\n"
        "from rectune_dsl.report import loglines\n"
        "loglines.PATIENCE = loglines.PACE = 0.1\n"
        "cli.main()\n"
    )
    told = {name: value for name, value in environment.items() if name != "RECTUNE_QUIET"}
    command = [sys.executable, "-c", impatient, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def test_what_is_no_terminal_gets_plain_lines(finished):
    assert "round 1 of 3" in finished.out
    for text in (finished.out, finished.err):
        assert "\x1b" not in text
        assert "\r" not in text
    assert " left" not in finished.out


def test_a_log_of_a_campaign_has_lines_with_what_is_left(small, environment, tmp_path):
    done = through_pipes(environment, tmp_path, "run", small)
    lines = [line for line in done.stderr.splitlines() if " of 6 days" in line]
    assert re.match(r"round 1 of 2: .*: \d+ of 6 days, .*\d:\d\d:\d\d so far", lines[0])
    assert any(re.search(r"\d of 6 days, \d:\d\d:\d\d left, \d:\d\d:\d\d so far", line) for line in lines)
    assert "so far" not in done.stdout
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "what", "first"),
    [
        (["fit", "short-video", "--users", 4000], "measuring users of the world", ", 0:00:00 so far"),
        (["calibrate", "--users", 500, "--rounds", 2], "fitting", ": 0 of 2 steps, 0:00:00 so far"),
    ],
)
def test_a_log_of_long_work_says_what_began_and_when_it_ended(environment, tmp_path, arguments, what, first):
    told = through_pipes(environment, tmp_path, "simulate", *arguments).stderr.splitlines()
    assert told[0] == f"{what}{first}"
    assert any(re.fullmatch(rf"{what}: done in \d:\d\d:\d\d", line) for line in told)


def test_quiet_work_leaves_no_line_in_a_log(environment, tmp_path):
    quiet = ("simulate", "fit", "short-video", "--users", 4000, "--quiet")
    assert through_pipes(environment, tmp_path, *quiet).stderr == ""


def test_short_work_leaves_no_line_in_a_log(rectune):
    assert rectune("simulate", "fit", "short-video", "--users", 500).err == ""


def test_every_verb_that_shows_progress_can_be_told_to_be_quiet():
    """Progress is shown by what takes `quiet`, and nothing passes a word of its own for it."""
    for path in (ROOT / "rectune_dsl" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"working", "tracked"}:
                told = [*node.args, *(word.value for word in node.keywords)][-1]
                assert isinstance(told, ast.Name), f"{path.name}:{node.lineno}"
                assert told.id == "quiet", f"{path.name}:{node.lineno}"


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


def test_a_quiet_fit_is_a_line(rectune):
    done = rectune("simulate", "fit", "short-video", "--users", 500, "-q")
    assert re.fullmatch(r"short-video: \d+ of \d+ main targets within .*\n", done.out)


def test_a_quiet_description_is_what_was_asked_for(rectune):
    described = ("simulate", "describe", "short-video", "--users", 500, "-q")
    assert rectune(*described).out == ""
    assert rectune(*described, "--json").out.startswith("{")


def test_a_quiet_report_is_a_file(rectune, finished):
    done = rectune("report", "last", "-o", "out.md", "--quiet")
    assert (done.out, done.err) == ("", "")
    assert Path("out.md").is_file()


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
