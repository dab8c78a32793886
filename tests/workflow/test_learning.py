"""What a campaign makes of its experiments for the Skillhub, and what it takes from there."""

import math
import statistics
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import Forecast, KnowledgeRecord, Scope, SkillRevision, TightBounds
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.report.worth import told_of, worth
from rectune_dsl.skillhub.gate import ALPHA, score
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.compile import StepKind
from rectune_dsl.workflow.context import UNSKILLED, Contexts, runs_unskilled
from rectune_dsl.workflow.learning import Scores
from rectune_dsl.workflow.prepare import begin, header_of, hub, load

TASK = (Path(__file__).parent / "planted.toml").read_text().replace("rounds = 2", "rounds = 3")
DAY = date(2026, 1, 1)


def the_run(journal):
    [row] = journal.runs()
    return row.run


def test_forecasts_stand_in_the_journal_before_the_experiment_is_made(lab):
    lab(TASK)
    journal = Journal("journal.sqlite")
    keys = [entry.key for entry in journal.entries(the_run(journal)) if entry.is_attempt]
    order = [key.split(":", 2)[2] for key in keys]
    for number in (1, 2, 3):
        step = f"round-{number}/experiment"
        assert order.index(f"{step}/forecasts") < order.index(f"{step}/create")
    recorder = Recorder(journal, the_run(journal))
    assert recorder.recall("round-1/experiment/forecasts", tuple[Forecast, ...]) == ()  # nothing known yet
    assert recorder.recall("round-3/experiment/forecasts", tuple[Forecast, ...])


def test_scores_are_those_of_the_forecasts_that_were_registered(lab):
    view, _, _ = lab(TASK)
    journal = Journal("journal.sqlite")
    recorder = Recorder(journal, the_run(journal))
    told = recorder.recall("round-3/evolve/scores", Scores)
    registered = recorder.recall("round-3/experiment/forecasts", tuple[Forecast, ...])
    result = view.rounds[2].result
    assert told.of
    for skill, id, scored in told.of:
        mine = [forecast for forecast in registered if forecast.record == id]
        assert skill == "planted"
        assert replace(scored, experiment=result.key) == score(mine, result)
        assert scored.experiment.endswith("planted/seed-0/round-3/experiment")


def test_records_carry_their_scores_and_nobody_but_the_gate_makes_them_active(lab):
    lab(TASK)
    skill = hub("task.toml").load("planted")
    scored = [record for record in skill.knowledge if record.scored]
    assert scored
    for record in skill.knowledge:
        won = sum(s.gained for s in record.scored)
        if record.status == "active":
            assert won >= math.log(1.0 / ALPHA)
        assert record.author.startswith("skill numeric, run planted-")
        assert record.created


def test_a_task_without_a_skill_makes_one_and_the_next_run_begins_with_it(lab):
    lab(TASK)
    made = hub("task.toml").load("planted")
    assert "raise" in made.requirement.lower()
    journal = Journal("journal.sqlite")
    assert header_of(journal, the_run(journal)).skill is None
    loaded = load(Source("task.toml", TASK), lab.host, Choices(1))
    run = begin(loaded, Choices(1), journal)
    assert header_of(journal, run).skill.revision == made.revision


@pytest.mark.parametrize(
    ("last", "status", "high"), [([TightBounds("a", 0.2, 0.5)], "candidate", 0.5), ([], "retired", 0.6)]
)
def test_bounds_are_those_of_the_last_round(lab, monkeypatch, last, status, high):
    found = {3: [TightBounds("a", 0.3, 0.6)], 4: [TightBounds("a", 0.3, 0.6)], 5: last}
    monkeypatch.setattr(
        "rectune_dsl.agents.skill_numeric.tightened", lambda context, region: found[len(context.history)]
    )
    lab(TASK.replace("rounds = 3", "rounds = 5"))
    (record,) = [record for record in hub("task.toml").load("planted").knowledge if record.bounds]
    assert (record.status, record.bounds.high) == (status, high)
    assert record.scored  # what was said before, by the experiments after it
    if last:
        assert [key.rsplit("/", 2)[1] for key in record.supports] == [f"round-{n}" for n in range(1, 6)]


def known(id="b", status="active", **changes):
    bounds = TightBounds("a", 0.3, 0.6)
    record = KnowledgeRecord(id, "", Scope(), status, None, (), (), "a person", bounds=bounds)
    return replace(record, **changes)


@pytest.fixture
def contexts_of(lab):
    """The contexts of a run whose skill has these records, by step."""

    def of(*records, seed=0, text=TASK):
        lab(TASK)
        skills = hub("task.toml")
        skills.apply(SkillRevision("planted", records, "planted"), run="r", when=DAY, judged=True)
        Path("journal.sqlite").unlink()
        loaded = load(Source("task.toml", text), lab.host, Choices(seed))
        journal = Journal("journal.sqlite")
        run = begin(loaded, Choices(seed), journal)
        parts = campaign(run, loaded, journal, lab.host)._parts
        return Contexts(parts), parts.workflow.steps

    return of


def ids(context):
    return {record.id for record in context.knowledge if record.id.startswith("b")}


def test_only_active_records_of_the_product_and_the_regime_steer(contexts_of):
    records = [
        known("b"),
        known("b-candidate", status="candidate"),
        known("b-elsewhere", scope=Scope(product="search")),
        known("b-older", scope=Scope(regime="last-year")),
    ]
    contexts, steps = contexts_of(*records)
    learn = next(step for step in steps if step.kind is StepKind.LEARN)
    assert ids(contexts.of(learn, ())) == {"b"}
    contexts.withdraw(["b"])
    assert ids(contexts.of(learn, ())) == set()


def test_a_regime_is_told_apart(contexts_of):
    contexts, steps = contexts_of(
        known("b-older", scope=Scope(regime="last-year")),
        text=TASK.replace('surface = "feed"', 'surface = "feed"\nregime = "last-year"'),
    )
    learn = next(step for step in steps if step.kind is StepKind.LEARN)
    assert ids(contexts.of(learn, ())) == {"b-older"}


def test_some_rounds_are_proposed_and_reviewed_without_skills(contexts_of):
    seed = next(seed for seed in range(100) if runs_unskilled(seed, 1) and not runs_unskilled(seed, 2))
    contexts, steps = contexts_of(known("b"), seed=seed)
    for step in steps:
        context = contexts.of(step, ())
        chosen = step.round == 1 and step.kind in (StepKind.PROPOSE, StepKind.REVIEW)
        assert (context.skill is None) == chosen or step.round > 2
        if step.round <= 2:
            assert ids(context) == (set() if chosen else {"b"})


def test_as_many_rounds_run_without_skills_as_is_said():
    """A binomial: 2,000 rounds, within three standard errors."""
    share = sum(runs_unskilled(seed, number) for seed in range(250) for number in range(1, 9)) / 2000
    assert share == pytest.approx(UNSKILLED, abs=3 * (UNSKILLED * (1 - UNSKILLED) / 2000) ** 0.5)


def test_a_run_tells_which_rounds_knew_of_skills_and_what_that_was_worth(lab):
    seed = next(seed for seed in range(100) if runs_unskilled(seed, 1) and not runs_unskilled(seed, 2))
    lab(TASK)
    skills = hub("task.toml")
    skills.apply(SkillRevision("planted", (known("b"),), "planted"), run="r", when=DAY, judged=True)
    Path("journal.sqlite").unlink()
    view, _, _ = lab(TASK, seed=seed)
    assert [r.knowledge.withheld for r in view.rounds] == [True, False, runs_unskilled(seed, 3)]
    assert "b" in view.rounds[1].knowledge.records
    assert "without skills" in told_of(view.rounds[0])
    first, second = (r.result.estimates for r in view.rounds[:2])
    gains = [
        statistics.mean(row[found.metrics.index("gain")] for row in found.lift) for found in (first, second)
    ]
    rounds = replace(view, rounds=view.rounds[:2])
    said = worth(lab.task(TASK), rounds)
    assert f"{gains[0] * 100:+.2f} %" in said.split(" without ")[1]
    assert f"{gains[1] * 100:+.2f} %" in said.split(" without ")[0]


def test_a_run_that_knew_of_nothing_says_nothing_of_skills(lab):
    view, _, _ = lab(TASK)
    assert [told_of(r) for r in view.rounds] == ["", "", ""]
    assert worth(lab.task(TASK), view) == ""
