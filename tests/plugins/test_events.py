"""A plugin is told what happens in a campaign, in its order, and again where nobody knows whether it was."""

import json
from pathlib import Path

import pytest

PLANTED = Path(__file__).parents[1] / "workflow/planted.py"
TASK = (Path(__file__).parents[1] / "workflow/planted.toml").read_text(encoding="utf-8")

LISTENER = """
import json
from pathlib import Path
from rectune_dsl.hooks.specs import hookimpl

def write(*event):
    with Path("events").open("a") as file:
        file.write(json.dumps(event) + "\\n")

@hookimpl
def rectune_run_started(run, task):
    write("started", run, task)

@hookimpl
def rectune_round_finished(run, result):
    write("round", run, result.round, [arm.name for arm in result.arms][0])

@hookimpl
def rectune_run_finished(run, verdict):
    write("finished", run, verdict.decision)
"""


def test_a_listener_is_told_of_a_run_its_rounds_and_its_verdict(rectune_project):
    rectune_project.plugin(LISTENER)
    rectune_project.task(experiment={"rounds": 2})
    done = rectune_project.run("run", "task.toml")
    assert done.exit_code == 0, done.stderr
    (run,) = [run.run for run in rectune_project.journal.runs()]
    (verdict,) = [line for line in done.stdout.splitlines() if line.startswith("verdict: ")]
    assert (rectune_project.path / "events").read_text().splitlines() == [
        f'["started", "{run}", "starter"]',
        f'["round", "{run}", 1, "control"]',
        f'["round", "{run}", 2, "control"]',
        f'["finished", "{run}", "{verdict.removeprefix("verdict: ")}"]',
    ]


KILLED = """
import json
from pathlib import Path
from rectune_dsl.hooks.specs import hookimpl

@hookimpl
def EVENT(ARGUMENTS):
    heard = Path("heard")
    was_killed = heard.exists()
    with heard.open("a") as file:
        file.write(json.dumps([ARGUMENTS], default=str) + "\\n")
    if not was_killed:
        raise KeyboardInterrupt
"""


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("rectune_approval_asked", "step, asked_for, arms"),
        ("rectune_arm_stopped", "experiment, arm, why"),
        ("rectune_round_finished", "result"),
        ("rectune_run_finished", "verdict"),
    ],
)
def test_what_a_run_was_killed_at_is_told_once_more(rectune_project, event, arguments):
    rectune_project.env["PLANTED"] = json.dumps({"harm": 2.0})
    rectune_project.write("task.toml", TASK + '[approval]\nmode = "ask"\n')
    rectune_project.plugin(KILLED.replace("EVENT", event).replace("ARGUMENTS", arguments))
    assert rectune_project.run("--plugin", PLANTED, "run", "task.toml", "--yes").exit_code != 0
    for _ in range(2):
        assert rectune_project.run("--plugin", PLANTED, "resume", "last", "--yes").exit_code == 0
    first, again, *others = (rectune_project.path / "heard").read_text().splitlines()
    assert again == first
    assert first not in others
    assert len(set(others)) == len(others)
