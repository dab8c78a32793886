"""Calibration finds the world that was measured, and rates are read as teams have them."""

import re
from pathlib import Path

import pytest

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.calibrate import calibrated
from rectune_dsl.simulator.fit import fit
from rectune_dsl.simulator.measures import exposures
from rectune_dsl.simulator.rates import read_rates, with_rates
from rectune_dsl.simulator.targets import Target
from rectune_dsl.simulator.world import Sizes
from rectune_dsl.simulator.worlds import load, parse, to_toml

SIZES = Sizes(seed=1, users=200_000, items=1_500, candidates=150)
USERS = 1_500


def _rows(found):
    return {row.name: row for row in found.rows}


@pytest.fixture(scope="module")
def changed():
    """The world news-feed, to be fitted to 0.7 times its rates of clicks and of what follows from them."""
    file = load("news-feed")
    targets = {
        name: target.model_copy(update={k: getattr(target, k) * 0.7 for k in ("random", "standard")})
        if name in ("click", "long_read", "read_minutes")
        else target
        for name, target in file.targets.items()
        if not name.startswith(("user_ctr", "top_1pct", "long_read_given"))
    }
    return file.model_copy(update={"targets": targets})


@pytest.fixture(scope="module")
def recovered(changed):
    return calibrated(changed, SIZES, seed=1, rounds=10, users=USERS)


@pytest.mark.slow
def test_a_world_whose_rates_were_changed_is_met_again(changed, recovered):
    assert fit(changed, SIZES, seed=2, users=USERS).missed
    after = fit(parse(to_toml(recovered)), SIZES, seed=2, users=4 * USERS)
    assert after.missed == ()
    assert abs(_rows(after)["click"].random.error) < 0.08
    assert abs(_rows(after)["click"].standard.error) < 0.08


@pytest.mark.slow
def test_what_no_target_asks_for_stays_as_it_was(changed, recovered):
    assert recovered.habits.pull == changed.habits.pull
    assert recovered.full == changed.full
    assert recovered.fatigue == changed.fatigue
    assert recovered.targets == changed.targets


@pytest.mark.slow
def test_the_same_seed_gives_the_same_world(changed):
    one, again, other = (calibrated(changed, SIZES, seed, rounds=1, users=500) for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.slow
def test_rates_of_the_standard_policy_alone_are_enough():
    file = load("shop")
    targets = {
        "click": Target(of="click", standard=0.09, source="ours"),
        "revenue": Target(of="revenue", standard=0.2, source="ours"),
        "looks_p50": Target(of="looks_p50", standard=20.0, source="ours"),
    }
    moved = calibrated(file.model_copy(update={"targets": targets}), SIZES, seed=1, rounds=8, users=USERS)
    found = exposures(moved, SIZES, seed=2, users=4 * USERS).standard
    assert found.rate("click") == pytest.approx(0.09, rel=0.1)
    assert found.rate("revenue") == pytest.approx(0.2, rel=0.2)
    assert found.others()["looks_p50"] == pytest.approx(20, rel=0.15)


@pytest.mark.slow
def test_two_measurements_of_the_same_are_missed_alike():
    """The ratio that is as far above the one as below the other is their harmonic mean."""
    file = load("shop")
    targets = {
        "hide": Target(of="hide", random=0.0012, standard=0.0009, source="one"),
        "hide_again": Target(of="hide", random=0.0012, standard=0.0006, source="another"),
    }
    moved = calibrated(file.model_copy(update={"targets": targets}), SIZES, seed=1, rounds=8, users=USERS)
    one, another = (row.ratio.error for row in fit(moved, SIZES, seed=1, users=USERS).rows)
    assert one == pytest.approx(-another, abs=0.03)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "asked",
    [
        {"click": (0.02, 0.05), "user_ctr_p50": (0.01, None), "user_ctr_p90": (0.06, None)},
        {"click": (None, 0.002), "user_ctr_p50": (None, 0.001), "user_ctr_p90": (None, 0.004)},
        {"looks_p50": (None, 20.0), "looks_p90": (None, 20.0)},
        {"purchase": (None, 1e-6), "revenue": (0.0001, 0.0002)},
        {"top_1pct_share": (0.013, None)},
    ],
)
def test_ordinary_rates_of_rare_responses_lead_to_a_world(asked):
    """Half of the users without a click, users who do not differ, hardly any revenue, one exposure alone."""
    file = load("shop")
    targets = {
        name: Target(of=name, random=random, standard=standard, source="ours")
        for name, (random, standard) in asked.items()
    }
    moved = calibrated(file.model_copy(update={"targets": targets}), SIZES, seed=1, rounds=6, users=500)
    assert parse(to_toml(moved)).targets == targets


def test_users_of_whom_half_never_click_say_nothing_about_how_users_differ():
    file = load("shop")
    targets = {
        "p50": Target(of="user_ctr_p50", standard=0.001, source="ours"),
        "p90": Target(of="user_ctr_p90", standard=0.004, source="ours"),
        "click": Target(of="click", standard=0.002, source="ours"),
    }
    rare = file.model_copy(update={"targets": targets})
    lowered = calibrated(rare, SIZES, seed=1, rounds=6, users=500)
    again = calibrated(lowered, SIZES, seed=1, rounds=1, users=500)
    assert again.responses["click"].proneness == lowered.responses["click"].proneness


def test_random_exposure_says_nothing_about_hits():
    file = load("shop")
    targets = {"share": Target(of="top_1pct_share", random=0.02, source="ours")}
    moved = calibrated(file.model_copy(update={"targets": targets}), SIZES, seed=1, rounds=1, users=500)
    assert moved.items.hit == file.items.hit


def test_the_catalogue_is_set_as_asked_for():
    file = load("shop")
    targets = {
        "topics": Target(of="topics_effective", random=30.0, source="ours"),
        "size_p50": Target(of="size_p50", random=12.0, source="ours"),
        "size_p90": Target(of="size_p90", random=40.0, source="ours"),
    }
    moved = calibrated(file.model_copy(update={"targets": targets}), SIZES, seed=1, rounds=1, users=500)
    assert (moved.items.size.median, moved.items.size.p90) == (12.0, 40.0)
    shares = [k**-moved.items.topic_skew for k in range(1, 61)]
    assert sum(shares) ** 2 / sum(s * s for s in shares) == pytest.approx(30.0)


# --- rates files -----------------------------------------------------------------------------------


@pytest.fixture
def rates(tmp_path):
    def write(text):
        path = tmp_path / "rates.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_rates_are_read(rates):
    path = rates("metric,random,standard\nclick,0.1,0.3\nlike,,0.01\nlong_view per click,0.4,0.6\n")
    found = read_rates(path, load("short-video"))
    assert (found["click"].random, found["click"].standard) == (0.1, 0.3)
    assert (found["like"].random, found["like"].standard) == (None, 0.01)
    given = found["long_view_given_click"]
    assert (given.of, given.per, given.main) == ("long_view", "click", False)


def test_kuairands_names_are_known(rates):
    path = rates(
        "metric,random_exposure,standard_policy,level,source\n"
        "is_click (valid view),0.176,0.451,per exposure,B\n"
        "is_click (27K),0.176,0.379,per exposure,C\n"
        "complete_play,0.033,0.143,per exposure,B\n"
        "negative_feedback(is_hate),0.00114,0.00079,per exposure,B\n"
        "positive_interaction_any,0.0056,0.0214,per exposure,B\n"
        "play_seconds,6.468,23.583,mean of users,A\n"
        "hate_given_click,0.00147,0.00082,per click,B\n"
        "exposures_per_user_p50_p90_max,22/96/1580,,17 days,C\n"
    )
    found = read_rates(path, load("short-video"))
    assert (found["click"].standard, found["click_2"].standard) == (0.451, 0.379)
    assert found["complete"].random == 0.033
    assert found["hate"].standard == 0.00079
    assert found["watch_minutes"].random == pytest.approx(6.468 / 60)
    assert found["like_or_comment_or_follow_or_forward"].main is False
    assert (found["hate_given_click"].of, found["hate_given_click"].per) == ("hate", "click")
    assert [found[f"looks_{q}"].random for q in ("p50", "p90", "max")] == [22, 96, 1580]
    assert found["click"].source == "is_click (valid view), B, per exposure"


def test_rates_become_targets_that_a_world_file_may_have(rates):
    file = with_rates(load("shop"), rates("metric,random,standard\nclick,0.02,0.05\n"))
    assert list(parse(to_toml(file)).targets) == ["click"]


@pytest.mark.parametrize(
    ("text", "said", "help"),
    [
        ("name,random,standard\n", "no column `metric`", "metric,random,standard"),
        ("metric,random,standard\n", "has no rates", "click"),
        ("metric,random,standard\nclikc,0.1,0.2\n", "rates.csv:2: `clikc` is no measure of shop", "`click`"),
        ("metric,random,standard\nclick per hidee,.1,.2\n", "nothing is counted per `hidee`", "`hide`"),
        ("metric,random,standard\nclick,a lot,\n", "rates.csv:2: `a lot` is no number", "0.12"),
        ("metric,random,standard\nclick,0,0.1\n", "`0` is not 1 number above 0", "empty"),
        ("metric,random,standard\nclick,-0.1,0.1\n", "not 1 number above 0", "empty"),
        (
            "metric,random,standard\nclick,1.2,\n",
            "`click` (1.2) is not rarer than `exposure` (1)",
            "exposure",
        ),
        (
            "metric,random,standard\nclick,,0.1\npurchase,,0.1\nadd_to_cart,,0.1\n",
            "is not rarer",
            "only after",
        ),
        ("metric,random,standard\nlooks_p50,1/2,\n", "`1/2` is not 1 number", "empty"),
        (
            "metric,random,standard\nuser_ctr_p50,0.2,0.2\nuser_ctr_p90,0.3,0.1\n",
            "under standard exposure, the ninth decile of `user_ctr` (0.1) is below its median (0.2)",
            "mixed up",
        ),
    ],
)
def test_what_is_wrong_with_a_rates_file_is_told(rates, text, said, help):
    with pytest.raises(UsageError) as caught:
        read_rates(rates(text), load("shop"))
    assert said in str(caught.value)
    assert help in caught.value.help


def test_the_rates_of_the_how_to_can_be_read(rates):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "fit-a-world.md"
    (example,) = re.findall(r"```text\n(metric,.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(read_rates(rates(example), load("shop"))) == len(example.splitlines()) - 1


def test_a_rates_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_rates(tmp_path / "none.csv", load("shop"))
