"""What a backend does not have is said before anything is launched, at its place in the file."""

from dataclasses import replace
from pathlib import Path

import pytest

from rectune_dsl.workflow.preflight import preflight
from rectune_dsl.workflow.prepare import InvalidTaskError
from rectune_dsl.workflow.traffic import power

TASK = (Path(__file__).parent / "planted.toml").read_text()

TABLES = """
[segments.new]
when = "fresh_user"
[segments.new.guardrails]
harm = "<= +9%"
[sources.fresh]
min = 1
"""


def test_sources_and_segments_that_a_backend_does_not_have(lab):
    text = (TASK + TABLES).replace("q = {}\n", 'q = {}\nfresh_user = { kind = "user" }\n')
    with pytest.raises(InvalidTaskError) as refused:
        lab.load(text)
    found = {(p.code, p.message, p.line) for p in refused.value.problems}
    lines = text.splitlines()
    guardrail, source = lines.index('harm = "<= +9%"') + 1, lines.index("[sources.fresh]") + 1
    assert found == {
        ("RT901", "the backend does not measure `harm` of segment `new`", guardrail),
        ("RT901", "the backend does not measure `users` of segment `new`", guardrail),
        ("RT902", "the backend has no candidates from source `fresh`", source),
    }


@pytest.mark.parametrize(
    ("change", "marked"),
    [
        (('{ goal = "maximize" }', '{ goal = "maximize", covariate = "hrm" }'), '"hrm"'),
        (("harm = {}", 'harm = { kind = "ratio", numerator = "hrm", denominator = "gain" }'), '"hrm"'),
        (("harm = {}", 'harm = { kind = "ratio", numerator = "gain", denominator = "hrm" }'), '"hrm"'),
        (("harm = {}\n", "harm = {}\nhrm = {}\n"), "hrm"),
    ],
)
def test_a_column_that_is_not_measured_is_marked_where_it_is_named(lab, change, marked):
    text = TASK.replace(*change)
    with pytest.raises(InvalidTaskError) as refused:
        lab.load(text)
    (problem,) = refused.value.problems
    assert (problem.code, problem.help) == ("RT901", "did you mean `harm`?")
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 : problem.end_column - 1] == marked


def test_more_users_than_there_are(lab):
    text = TASK.replace("[confirm]\nusers_per_arm = ", "[confirm]\nusers_per_arm = 9_000_000_0")
    assert text != TASK
    loaded = lab.load(text)
    found = [(p.code, p.line) for p in preflight(loaded, None)]
    line = text.splitlines().index("[confirm]") + 2
    assert ("RT904", line) in found


EXCLUSION = '[exclusion]\nlayer = "feed"\nshare = [0.0, 0.5]\n'
HOLDOUT = "[holdout]\nshare = 0.05\n"


@pytest.mark.parametrize(
    ("tables", "whom"),
    [
        ("", "may take part"),
        (HOLDOUT, "may take part: all but the holdout"),
        (EXCLUSION, "may take part: those of the task's [exclusion]"),
        (EXCLUSION + HOLDOUT, "may take part: those of the task's [exclusion], without the holdout"),
    ],
)
def test_a_round_for_which_there_are_too_few_users_is_one_problem(lab, tables, whom):
    text = TASK.replace("users_per_arm = 20_000", "users_per_arm = 90_000_000") + tables
    (problem,) = [p for p in preflight(lab.load(text), None) if p.code == "RT904"]
    assert problem.message.endswith(whom)
    assert ("[exclusion]" in problem.help) == ("[exclusion]" in tables)


# --- quantiles, caps and units --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("harm = {}", 'harm = {}\nslow = { kind = "quantile", column = "gain", quantile = 0.9 }'),
            ("RT901", "the backend does not give quantiles of `gain`", "slow ="),
        ),
        (
            ('gain = { goal = "maximize" }', 'gain = { goal = "maximize", winsorize = 0.99 }'),
            ("RT907", "the backend cannot cap `gain`: it knows no quantiles of production's users", "gain ="),
        ),
        (
            ("rounds = 2", 'rounds = 2\nunit = "household"'),
            ("RT906", "the backend does not randomise by `household`", "unit ="),
        ),
    ],
)
def test_what_a_backend_cannot_measure_is_refused_where_it_stands(lab, change, expected):
    text = TASK.replace(*change)
    with pytest.raises(InvalidTaskError) as refused:
        lab.load(text)
    code, message, place = expected
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith(place))
    assert [(p.code, p.message, p.line) for p in refused.value.problems] == [(code, message, line)]


# --- every way of not succeeding --------------------------------------------------------------------


def weaknesses(lab, text, blind=False):
    """(line's text, message) of every warning about power."""
    loaded = lab.load(text)
    found = preflight(loaded, None if blind else power(loaded.task, loaded.backend))
    lines = text.splitlines()
    return [(lines[p.line - 1], p.message, p.help) for p in found if p.code == "RT903"]


def test_a_plan_that_succeeds_warns_of_nothing(lab):
    assert weaknesses(lab, TASK) == []


def test_a_backend_without_a_baseline_leaves_power_unknown(lab):
    ((line, message, _),) = weaknesses(lab, TASK, blind=True)
    assert line == 'backend = "planted"'
    assert "whether anything could ship is unknown" in message


def test_a_guardrail_that_production_would_not_be_shown_to_keep(lab):
    tight = weaknesses(lab, TASK.replace("<= +2%", "<= +0.2%"))
    line, message, help = tight[0]
    assert line == 'harm = "<= +0.2%"'
    assert "production itself would be shown to be <= +0.2% with a chance of" in message
    assert "users per arm" in help
    assert "even a large gain" in tight[1][1]
    assert "no traffic suffices" in weaknesses(lab, TASK.replace("<= +2%", "<= 0%"))[0][2]


def test_a_north_star_that_is_too_noisy(lab):
    users = TASK.replace("users_per_arm = 80_000", "users_per_arm = 700")
    found = weaknesses(lab, users.replace("<= +2%", "<= +60%"))
    ((line, message, help),) = found
    assert line == "users_per_arm = 700"
    assert (
        "a gain of 5% in every goal, with no guardrail metric changed, would ship with a chance of" in message
    )
    assert help.endswith("times the confirmation's traffic")  # wider margins would not help


def test_what_traffic_can_show_has_nothing_to_do_with_the_scale_of_weights(lab):
    def planned(weight):
        loaded = lab.load(TASK.replace('goal = "maximize"', f'goal = "maximize", weight = {weight}'))
        return power(loaded.task, loaded.backend)

    assert dict(planned(30.0).chances) == pytest.approx(dict(planned(1.0).chances))
    assert planned(30.0).needed == pytest.approx(planned(1.0).needed)


def test_a_metric_that_nothing_is_known_of(lab, monkeypatch):
    loaded, why = lab.load(TASK), {"harm": "its table is empty"}
    known = loaded.backend.baseline
    monkeypatch.setattr(loaded.backend, "baseline", lambda days: replace(known(days), missing=why))
    monkeypatch.setattr(lab, "load", lambda text: loaded)
    ((line, message, _),) = weaknesses(lab, TASK)
    assert line == "harm = {}"
    assert message == "`harm` could not be judged, so nothing could ship: its table is empty"
