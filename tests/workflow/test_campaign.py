"""A campaign does what its workflow says, and nothing that the rules forbid."""

from pathlib import Path

import pytest

from rectune_dsl.hooks.errors import BackendError, UsageError
from rectune_dsl.workflow.watch import Finished, RoundFinished

SHIP, KEEP = "ship", "keep production"
TASK = (Path(__file__).parent / "planted.toml").read_text()


def named(calls, name):
    return [call[1:] for call in calls if call[0] == name]


def test_a_good_config_is_found_confirmed_and_delivered(lab):
    view, calls, _ = lab()
    assert view.verdict.decision == SHIP
    assert view.delivered
    [[delivered]] = named(calls, "deliver")
    assert delivered == dict(view.recommendation.config.values)
    assert len(view.rounds) == 2


def test_every_experiment_is_created_started_and_stopped_once(lab):
    _, calls, _ = lab()
    for name in ("create", "start", "stop"):
        keys = [str(call[0]).removeprefix("planted:") for call in named(calls, name)]
        assert len(keys) == len(set(keys)) == 3


def test_the_confirmation_is_on_users_and_days_that_no_round_touched(lab):
    view, _, _ = lab()
    spec = view.confirmation.spec
    assert spec.purpose == "confirm"
    assert [e.salt for e in spec.fresh_of] == [r.spec.salt for r in view.rounds]
    assert spec.start >= max(r.looks[-1].as_of for r in view.rounds)
    assert all(0 < e.share < 1 for e in spec.fresh_of)


def test_what_is_shipped_was_predicted_before_it_was_measured(lab):
    view, _, _ = lab()
    assert {p.metric for p in view.recommendation.predictions} == {"gain", "harm"}
    for round in view.rounds:
        assert all(p.hypothesis.statement and p.hypothesis.predictions for p in round.proposals)
        assert {r.proposal for r in round.reviews} == {p.name for p in round.proposals}
        assert all(r.justification for r in round.reviews)


def test_a_sample_ratio_mismatch_freezes_everything(lab):
    view, calls, _ = lab(srm=True)
    assert view.verdict.decision != SHIP
    assert all(r.result.frozen for r in view.rounds)
    assert named(calls, "deliver") == []


def test_an_arm_that_does_harm_is_stopped_and_keeps_the_lifts_of_that_look(lab):
    seen = []
    view, calls, _ = lab(harm=3.0, watch=seen.append)
    stopped = {arm for r in view.rounds for arm in r.result.stopped}
    assert stopped
    assert {call[2] for call in named(calls, "expose")} == stopped
    assert sum(isinstance(event, RoundFinished) for event in seen) == 2
    assert isinstance(seen[-1], Finished)


def test_real_traffic_is_asked_for_before_each_launch_and_before_shipping(lab):
    view, _, approver = lab(real_traffic=True)
    assert view.verdict.decision == SHIP
    assert len(approver.asked) == 4  # two rounds, the confirmation, the delivery
    assert approver.asked[-1] == "ship"


def test_what_is_not_approved_is_not_launched(lab):
    class No:
        def launch(self, what):
            from rectune_dsl.workflow.journaled import Approval

            return Approval(False, "a test", "not today")

        ship = launch

    view, calls, _ = lab(real_traffic=True, approver=No())
    assert named(calls, "create") == []
    assert view.verdict.decision == KEEP  # nothing was learnt, so nothing is recommended


def test_simulated_traffic_is_never_asked_about(lab):
    _, _, approver = lab()
    assert approver.asked == []


def test_a_backend_that_is_not_ready_stops_the_campaign_before_it_begins(lab):
    with pytest.raises(UsageError, match="no credentials"):
        lab(problems=["no credentials"])


def test_a_backend_that_refuses_is_reported_as_it_is(lab):
    with pytest.raises(BackendError, match="refuses"):
        lab(refuse=True)


def test_each_confirmation_of_a_surface_is_stricter_than_the_last(lab):
    levels = []
    for seed in range(3):
        view, _, _ = lab(seed=seed)
        levels.append((view.verdict.confirmation, view.verdict.alpha))
    numbers, alphas = zip(*levels, strict=True)
    assert numbers == (1, 2, 3)
    assert alphas[0] > alphas[1] > alphas[2]


def test_the_holdout_joins_the_confirmation_after_the_first_ship(lab):
    task = TASK + "[holdout]\nshare = 0.05\n"
    first, _, _ = lab(task)
    second, _, _ = lab(task, seed=1)
    assert first.verdict.decision == SHIP
    assert [a.name for a in first.confirmation.spec.arms] == ["control", "recommended"]
    assert [a.name for a in second.confirmation.spec.arms] == ["control", "recommended", "holdout"]
    assert any("against the holdout" in bound.metric for bound in second.verdict.bounds)


def test_a_holdout_of_other_params_is_refused_with_what_to_do(lab):
    lab(TASK + "[holdout]\nshare = 0.05\n")
    other = TASK.replace("a = {", "c = {").replace("a * p", "c * p") + "[holdout]\nshare = 0.05\n"
    with pytest.raises(UsageError, match="tuned other params"):
        lab(other, seed=1)


def test_learnt_knowledge_stands_in_the_workspace_with_the_run_as_evidence(lab, tmp_path, monkeypatch):
    seeds = tmp_path / "seeds" / "mine"
    seeds.mkdir(parents=True)
    slots = ("Context", "Requirement", "North star", "Initial config", "Domain knowledge", "Tools")
    page = "---\nname: mine\ndescription: A skill.\n---\n" + "".join(f"## {s}\n\ntext\n\n" for s in slots)
    (seeds / "SKILL.md").write_text(page)
    monkeypatch.setenv("RECTUNE_SKILLS", str(seeds.parent))
    view, _, _ = lab(TASK.replace('surface = "feed"', 'surface = "feed"\nskill = "mine"'))
    learnt = Path(".rectune/skills/mine/assets/knowledge.toml").read_text()
    assert f"{view.run}/round-1/experiment" in learnt
    assert (seeds / "SKILL.md").read_text() == page
