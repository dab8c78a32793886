"""A plugin is told what happens in a campaign, in its order."""

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
