"""Tables of whole campaigns: what is compared, the arithmetic, and a tiny study that can be taken up."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

import ablation
from ablations import work as study
from ablations.asked import models_of
from ablations.campaigns import Cost, Outcome, told
from ablations.figures import CONFIDENCE, Estimate, by_case, reported
from ablations.plan import STAGES, TABLES, Case, Row, rows, units
from ablations.teams import ALONE, NUMERIC, STAND_IN, Access, Model, asking, asking_alone, hybrid, reached

from rectune_dsl.hooks.specs import Role

pytestmark = pytest.mark.slow

LOCAL, GEMINI = Model(STAND_IN), Model("gemini", "small")
FUSION = Case(("value_fusion",))
SEED = 1000
PLAIN = Outcome({"w": 1.0}, "ship", 80.0, {"watch_minutes": 3.0}, False, 80.0, 10, 1, 0, Cost())
numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


def figures(table, row, found):
    return {f.name.partition(": ")[2]: f for f in reported({table: [row]}, found)}


# --- the arithmetic ---


@given(numbers)
def test_an_interval_is_students(values):
    found = Estimate.of_values(values)
    if np.ptp(values) < 1e-6:
        assert found.low == pytest.approx(found.high, abs=1e-3)
        return
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(CONFIDENCE)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)


def test_one_world_has_no_interval():
    found = Estimate.of_values([3.0])
    assert (found.value, found.count, found.error, found.low, found.high) == (3.0, 1, None, None, None)


@pytest.mark.parametrize(("happened", "of"), [(0, 5), (2, 5), (5, 5), (1, 1)])
def test_a_shares_interval_leaves_five_percent_on_each_side(happened, of):
    found = Estimate.of_share([True] * happened + [False] * (of - happened))
    assert found.value == 100 * happened / of
    assert found.low <= found.value <= found.high
    if happened < of:
        assert stats.binom.cdf(happened, of, found.high / 100) == pytest.approx(0.05)
    if happened > 0:
        assert stats.binom.sf(happened - 1, of, found.low / 100) == pytest.approx(0.05)


def test_differences_are_paired_by_world():
    without = Case(("value_fusion",), ALONE)
    own = {seed: replace(PLAIN, left=50.0 + seed) for seed in (1, 2, 3)}
    theirs = {seed: replace(PLAIN, left=40.0 + seed) for seed in (2, 3, 4)}
    found = figures("critic", Row(FUSION, (without,)), {FUSION: own, without: theirs})
    gain = found[f"{FUSION}: U left in production, less that of {without}"]
    assert (gain.value, gain.low, gain.high, gain.worlds) == (
        10.0,
        10.0,
        10.0,
        2,
    )  # worlds 2 and 3


def test_a_ship_that_violates_misses_its_goal():
    found = {FUSION: {1: PLAIN, 2: replace(PLAIN, left=0.0, harm=True)}}
    told_of = figures("stages", Row(FUSION), found)
    assert told_of[f"{FUSION}: ships"].ok
    assert told_of[f"{FUSION}: ships what violates"].value == 50.0
    assert not told_of[f"{FUSION}: ships what violates"].ok
    assert told_of[f"{FUSION}: true lift of watch_minutes"].value == 3.0


def test_a_critic_that_lets_more_harm_through_misses_its_goal():
    without = Case(("value_fusion",), ALONE)
    found = {FUSION: {1: replace(PLAIN, violating=2)}, without: {1: PLAIN}}
    name = f"{FUSION}: arms that violate, less those of {without}"
    assert figures("critic", Row(FUSION, (without,)), found)[name].value == 10.0
    assert not figures("critic", Row(FUSION, (without,)), found)[name].ok
    turned = {FUSION: found[without], without: found[FUSION]}
    assert figures("critic", Row(FUSION, (without,)), turned)[name].ok


@pytest.mark.parametrize(("model", "goal", "ok"), [(GEMINI, ">= 90", False), (LOCAL, "none", True)])
def test_a_model_whose_answers_are_of_no_use_is_told_a_stand_in_is_not_judged(model, goal, ok):
    case = Case(("value_fusion",), asking(model))
    asked = replace(PLAIN, cost=Cost(questions=4, answered=1, calls=7, input_tokens=900, usd=0.5))
    found = figures("models", Row(case), {case: {1: asked}})
    answered = found[f"{case}: questions with an answer of use"]
    assert (answered.value, answered.goal, answered.ok) == (25.0, goal, ok)
    assert found[f"{case}: cost"].value == 0.5
    assert ("no language model" in answered.name) == model.is_stand_in


def test_an_outcome_survives_its_file():
    outcome = replace(PLAIN, cost=Cost(3, 2, 5, usd=0.25))
    assert [Outcome.read(one) for one in json.loads(json.dumps(told([outcome])))] == [outcome]


# --- the tables ---


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_compared_with_rows_of_their_own_task(table):
    planned = rows(table, [LOCAL, GEMINI])
    assert planned
    cases = [row.case for row in planned]
    assert all(other in cases and other.task == row.case.task for row in planned for other in row.against)


def test_every_stage_has_a_row():
    assert [row.case.task for row in rows("stages", [])] == list(STAGES)


@pytest.mark.parametrize("table", ["models", "minds"])
def test_without_a_model_there_is_nothing_to_compare_models_by(table):
    assert rows(table, []) == []


def test_a_campaign_that_two_tables_need_runs_once():
    planned = [row for table in TABLES for row in rows(table, [LOCAL])]
    found = [case for unit in units(planned, [SEED]) for case in unit.cases()]
    assert len(found) == len(set(found))
    assert set(found) == {case for row in planned for case in (row.case, *row.against)}


def test_every_unit_has_a_file_of_its_own():
    planned = [row for table in TABLES for row in rows(table, [LOCAL, GEMINI, Model("gemini", "large")])]
    found = units(planned, [SEED, SEED + 1])
    assert len({unit.file for unit in found}) == len(found)


def test_teams_differ_by_the_agents_they_are_named_for():
    roles = set(Role.__args__)
    assert {role for role, _ in asking(GEMINI).agents} == roles
    assert dict(asking_alone(GEMINI).agents) == dict(asking(GEMINI).agents) | {"critic": "none"}
    assert hybrid(GEMINI).agents == (("actor", "hybrid"),)
    assert NUMERIC.agents == ()


def test_a_cassette_is_replayed_unless_a_provider_is_there_to_record():
    for replays, mode in ((True, "replay"), (False, "record")):
        with reached(asking(GEMINI), Access(Path("/tape.jsonl"), replays, 2.0)) as table:
            assert table == {
                "provider": "gemini",
                "model": "small",
                "cassette": "/tape.jsonl",
                "cassette_mode": mode,
                "max_usd": 2.0,
            }


# --- the command ---


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`run("--quick", ...)`: what the command prints as JSON. The oracle is in the cache."""
    cache = tmp_path / "worlds"
    cache.mkdir()
    best = {"topic_penalty": 0.05, "w_bait": 0.1, "w_fresh": 0.02}
    known = {"config": best, "gain": 0.05, "others": []}
    (cache / f"bundled-diversity-{SEED}.json").write_text(json.dumps(known))
    small = {
        "experiment": {"rounds": 1, "arms": 2, "users_per_arm": 1_000, "days": 2},
        "confirm": {"users_per_arm": 2_000, "days": 2},
        "simulator": {"users": 20_000, "items": 800, "candidates": 60},
        "stages": {"pre_ranking": {"keep": 50}},
    }
    monkeypatch.setattr(ablation, "SHORT", small)

    def call(*arguments):
        kept = ("--cache", str(cache), "--results", str(tmp_path / "results"), "--json", "--quick")
        monkeypatch.setattr(sys, "argv", ["ablation.py", *kept, *arguments])
        ablation.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_a_tiny_study_asks_the_stand_in_labels_it_and_goes_on_where_it_stopped(run, monkeypatch, tmp_path):
    first = run("--only", "minds", "--provider", STAND_IN)
    names = {figure["name"]: figure for figure in first["figures"]}
    asked = f"minds: {Case(('diversity',), hybrid(LOCAL))}"
    assert first["setup"]["models"] == ["local (a stand-in, no language model)"]
    assert "no language model" in first["setup"]["note"]
    assert run("--only", "models")["setup"]["without_rows"] == ["models"]
    assert names[f"{asked}: calls paid for"]["value"] >= 1
    assert names[f"{asked}: tokens in"]["value"] > 0
    assert names[f"{asked}: cost"]["value"] > 0
    assert names[f"{asked}: calls without a price"]["value"] == 0
    monkeypatch.setattr(study, "work", None)  # nothing is run again
    assert run("--only", "minds", "--provider", STAND_IN)["figures"] == first["figures"]
    assert not list(Path.cwd().glob(".rectune"))


@pytest.mark.parametrize(
    ("arguments", "told_of"),
    [
        (["--provider", "gemni"], "write one of gemini, local"),
        (["--model", "small"], "--provider gemini --model small"),
        (["--provider", STAND_IN, "--model", "small"], "leave --model out"),
        (["--seeds", "0"], "1 or more"),
        (["--report", "--seeds", "901"], "at most 900"),
        (["--provider", "gemini", "--cassette", "tape.jsonl", "--jobs", "2"], "leave out --jobs"),
        (["--provider", STAND_IN, "--cassette", "tape.jsonl"], "leave out --cassette"),
        (["--cassette", "nowhere.jsonl"], "record one first"),
    ],
)
def test_what_cannot_be_run_is_told_with_what_to_write(arguments, told_of, run, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert told_of in capsys.readouterr().err


def test_models_are_of_the_provider_before_them(monkeypatch):
    words = "ablation.py --provider gemini --model a --model b --provider local"
    monkeypatch.setattr(sys, "argv", words.split())
    assert ablation._arguments().models == [Model("gemini", "a"), Model("gemini", "b"), LOCAL]


def test_a_cassette_alone_says_whom_to_replay(tmp_path):
    answer = {"outcome": "answered", "model": "m-001", "input_tokens": 1, "output_tokens": 1, "prompt": []}
    asked = [{"key": f"of {name}", "provider": "gemini", "asked_model": name} for name in ("small", "large")]
    tape = tmp_path / "tape.jsonl"
    tape.write_text("\n".join(json.dumps(answer | one) for one in asked))
    assert models_of([], tape) == [Model("gemini", "small"), Model("gemini", "large")]
    assert models_of([Model("gemini", "other")], tape) == [Model("gemini", "other")]


def test_results_are_grouped_by_case():
    assert by_case([(FUSION, 1, PLAIN), (FUSION, 2, PLAIN)]) == {FUSION: {1: PLAIN, 2: PLAIN}}
