"""Whole campaigns in a world where things go wrong: nothing ships that was not shown, and no work is lost."""

import pytest

OF_THE_TASK = "header"
SHIPS = {
    "stages": {
        "ranking": {
            "params": {"spread": {"production": 0.0, "low": 0.0, "high": 1.0}},
            "diversity": {"by": "topic", "penalty": "spread"},
        }
    },
    "metrics": {"watch_minutes": None, "topics_shown": {"goal": "maximize"}},
    "guardrails": {"next_day_return": None, "latency_ms": "<= 500"},
}
"""Changes of the starter task after which a config ships: more topics are easily shown."""


def story(project):
    """What the project's only run did: keys and bodies, without run id, times and attempts."""
    [row] = project.journal.runs()
    entries = [e for e in project.journal.entries(row.run) if not e.is_attempt]
    return {e.key: e.body.replace(row.run, "RUN") for e in entries if e.key != OF_THE_TASK}


@pytest.fixture
def survive(rectune_project):
    """Runs a task, and resumes it for as long as its backend fails: the exit codes."""

    def survive(**simulator):
        task = rectune_project.task(**SHIPS, simulator=simulator)
        codes = [rectune_project.run("run", task).exit_code]
        while codes[-1] == 3 and len(codes) < 50:
            codes.append(rectune_project.run("resume", "last").exit_code)
        return codes

    return survive


def test_a_flaky_backend_is_survived_and_no_experiment_is_launched_twice(survive, rectune_project, tmp_path):
    codes = survive(faults={"flaky": 0.3})
    assert codes[-1] == 0
    assert len(codes) > 2
    survived = story(rectune_project)
    (rectune_project.path / ".rectune").rename(tmp_path / "survived")
    assert survive() == [0]
    assert survived == story(rectune_project)
    created = [body for key, body in survived.items() if key.endswith("/create")]
    assert len(created) == len(set(created)) == 3
    assert [key for key in survived if key.endswith("/deliver")]


@pytest.mark.slow
def test_the_same_failures_happen_again(survive, rectune_project, tmp_path):
    first = survive(faults={"flaky": 0.3})
    (rectune_project.path / ".rectune").rename(tmp_path / "first")
    assert survive(faults={"flaky": 0.3}) == first


def test_an_error_says_that_it_was_asked_for(rectune_project):
    done = rectune_project.run("run", rectune_project.task(simulator={"faults": {"flaky": 0.99}}))
    assert done.exit_code == 3
    assert "it is a fault that [simulator.faults] asks for: `rectune resume` goes on" in done.stderr


def test_lost_users_freeze_every_experiment_and_nothing_ships(rectune_project):
    task = rectune_project.task(simulator={"faults": {"lost_users": 0.6}})
    done = rectune_project.run("run", task)
    assert done.exit_code == 0
    assert done.stdout.count("Frozen: Users were not counted as designed") == 2
    assert "verdict: keep production" in done.stdout
    assert not [key for key in story(rectune_project) if key.endswith("/deliver")]


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ({"missing": ["next_day_return"]}, "does not measure it"),
        ({"delays": {"next_day_return": 60}}, "it comes 60 days late, and none of it has arrived"),
    ],
)
def test_without_a_guardrail_nothing_is_recommended(rectune_project, faults, why):
    done = rectune_project.run("run", rectune_project.task(simulator={"faults": faults}))
    said = " ".join(done.stdout.split())
    assert why in said
    assert "so nothing could ship" in said


def test_a_column_that_the_world_does_not_have_is_refused_at_its_place(rectune_project):
    task = rectune_project.task(simulator={"faults": {"delays": {"next_day_returns": 1}}})
    done = rectune_project.run("run", task)
    assert done.exit_code == 2
    assert "RT901 the backend does not measure `next_day_returns`" in done.stderr
    assert "did you mean `next_day_return`?" in done.stderr
