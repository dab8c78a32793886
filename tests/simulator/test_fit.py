"""Worlds are what their targets say, for users that they were not fitted to."""

import pickle
import re
from pathlib import Path

import pytest

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.fit import RATES_WITHIN, RATIOS_WITHIN, SEED, USERS, Compared, fit
from rectune_dsl.simulator.measures import measure
from rectune_dsl.simulator.world import Sizes, world_of
from rectune_dsl.simulator.worlds import WORLDS, load, parse, text_of, to_toml

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "simulator.md"
SIZES = Sizes(seed=1, users=4_000_000, items=4_000, candidates=300)
ANOTHER_SEED = 7


@pytest.fixture(scope="module")
def short_video():
    """As `rectune simulate fit short-video` measures it."""
    return fit(load("short-video"), SIZES, SEED, USERS)


@pytest.mark.slow
def test_every_main_rate_of_short_video_is_met(short_video):
    assert short_video.missed == ()
    assert max(short_video.errors()) <= RATES_WITHIN == 0.2
    assert max(short_video.ratio_errors()) <= RATIOS_WITHIN == 0.25


@pytest.mark.slow
def test_every_target_has_a_row(short_video):
    assert [row.name for row in short_video.rows] == list(load("short-video").targets)
    assert {row.of for row in short_video.rows if row.main} >= {"click", "long_view", "watch_minutes", "hate"}


@pytest.mark.parametrize("world", ["news-feed", "shop"])
def test_the_invented_worlds_meet_their_own_targets(world):
    assert fit(load(world), SIZES, ANOTHER_SEED, users=6_000).missed == ()


def test_errors_are_relative_to_the_target():
    compared = Compared(target=0.2, simulated=0.25, tolerance=0.2)
    assert compared.error == pytest.approx(0.25)
    assert not compared.is_within
    assert Compared(None, 0.25, 0.2).is_within
    assert Compared(None, 0.25, 0.2).error is None


def test_a_ratio_can_be_off_where_both_rates_are_near():
    file = load("news-feed")
    found = fit(file, SIZES, ANOTHER_SEED, users=2_000)
    click = found.rows[0]
    opposite = {"random": click.random.simulated / 1.15, "standard": click.standard.simulated / 0.85}
    changed = file.model_copy(
        update={"targets": {"click": file.targets["click"].model_copy(update=opposite)}}
    )
    (row,) = fit(changed, SIZES, ANOTHER_SEED, users=2_000).rows
    assert row.random.is_within
    assert row.standard.is_within
    assert row.ratio.error == pytest.approx(0.85 / 1.15 - 1)
    assert not row.is_within


@pytest.mark.slow
def test_rows_that_nothing_is_fitted_to_are_shown_and_not_missed(short_video):
    beyond = [row.name for row in short_video.rows if not row.main and not row.is_within]
    assert "exposures_per_user_max" in beyond


@pytest.mark.slow
def test_a_rate_given_another_response_is_that_of_both(short_video):
    """`long_view` needs a click, so per click it is the ratio of the rates per exposure."""
    world = world_of(load("short-video"), SIZES)
    found = measure(world, 2_000, ANOTHER_SEED)
    assert found.rate("long_view", "click") == pytest.approx(found.rate("long_view") / found.rate("click"))
    assert found.rate("hate", "click") < 1


@pytest.mark.slow
def test_the_docs_carry_the_fit_as_it_is(short_video):
    """Number by number, but for the last digit: processors may differ in it."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    told = {line.split()[0]: line for line in lines if line.startswith(" ")}
    for row in short_video.rows:
        line = told.get(row.name, "").replace(" %", "%")
        numbers = [float(n) for n in re.findall(r"(?<= )[+-]?[\d.]+(?=  )", line)]
        errors = [float(n) for n in re.findall(r"([+-][\d.]+)%", line)]
        compared = [one for one in (row.random, row.standard, row.ratio) if one.error is not None]
        wanted = [number for one in compared for number in (one.target, one.simulated)]
        assert numbers == pytest.approx(wanted, rel=2e-3), row.name
        assert errors == pytest.approx([100 * one.error for one in compared], abs=0.3), row.name


@pytest.mark.slow
def test_how_concentrated_exposure_is_depends_on_the_number_of_users(short_video):
    """So it is held against a measurement of as many."""
    shares = [
        measure(world_of(load("short-video"), SIZES, at_random=True), users, SEED).others()["top_1pct_share"]
        for users in (1_000, 4_000)
    ]
    full = next(row for row in short_video.rows if row.of == "top_1pct_share").random.simulated
    assert shares[0] > shares[1] > full > 0.01


# --- world files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_a_bundled_world_survives_its_own_toml(world):
    file = load(world)
    assert parse(to_toml(file)) == file


@pytest.mark.parametrize("world", ["news-feed", "shop"])
def test_what_is_invented_says_so(world):
    file = load(world)
    assert "Invented" in file.about
    assert {target.source for target in file.targets.values()} == {"invented"}


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_made_of_a_file_comes_back_from_a_pickle(world):
    small = Sizes(seed=1, users=1_000, items=400, candidates=20)
    file = load(world).model_copy(update={"name": "mine"})
    for at_random in (False, True):
        made = world_of(file, small, at_random)
        back = pickle.loads(pickle.dumps(made))
        assert back.file == file
        assert back.at_random == at_random
        assert back.pools.log_odds.tobytes() == made.pools.log_odds.tobytes()


def test_tables_of_defaults_may_be_left_out():
    text = text_of("short-video").replace("[fatigue]\n", "").replace("[latency]\n", "")
    assert parse(text) == load("short-video")


def _complaint(*changes):
    text = text_of("shop")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(UsageError) as caught:
        parse(text, "mine.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('of = "click"', 'of = "clikc"', "targets.click: nothing there is called `clikc`"),
        ('per = "click"', 'per = "cart"', "nothing is counted per `cart`"),
        ('of = "click"', 'of = "click + purchase"', "`purchase` needs another response first"),
        ('of = "size_p50"', 'per = "click", of = "size_p50"', "is not counted per `click`"),
        ('given = "click"', 'given = "look"', "responses.add_to_cart.given names `look`"),
        ("new = 0.3", "newer = 0.3", "unknown key `newer` in [users]"),
        ("taste = 0.35", "taste = 0.95", "taste and chemistry make more than 1"),
        ('hoped = "add_to_cart"', 'hoped = "purchase"', "what is hoped for is not given click"),
        ("[fatigue]", "[fatigue", "RT002"),
        ("topics = 60", "topisc = 60", ":10:1: RT101 unknown key `topisc` in [items]"),
        ("topics = 60", "topisc = 60", "help: did you mean `topics`?"),
        ("median = 30.0, p90 = 80.0", "median = 30.0, p90 = 8.0", "p90 (8) is below the median (30)"),
        ("daily = 0.1772", 'daily = "often"', "RT103 `daily` must be a number"),
        ("heavy = 0.4", "heavy = 4.0", "RT105 `heavy` must be at most 1"),
        ("purchase = 10.0", "buy = 10.0", "habits.worth names `buy`, which is no response"),
        ('score = "p_click * (1 + 4 * p_add_to_cart)"', 'score = "p_clik"', "`p_clik` is neither signal"),
        ('score = "p_click * (1 + 4 * p_add_to_cart)"', 'score = "p_clik"', "help: did you mean `p_click`?"),
        ('score = "p_click * (1 + 4 * p_add_to_cart)"', 'score = "p_click +"', "RT201"),
    ],
)
def test_what_is_wrong_with_a_world_file_is_told(old, new, said):
    complaint = _complaint((old, new))
    assert said in complaint
    assert "mine.toml" in complaint


def test_every_problem_of_a_world_file_is_told_at_once_with_its_place():
    complaint = _complaint(
        ("topics = 60", "topisc = 60"),
        ('given = "click"', 'given = "clik"'),
        ("memory = 0.8", "memory = 8"),
    )
    assert "RT101" in complaint
    assert "RT105" in complaint
    assert "`topics` is missing" not in complaint
    two = _complaint(('given = "click"', 'given = "clik"'), ('of = "hide"', 'of = "hidee"'))
    lines = text_of("shop").splitlines()
    for key in ("add_to_cart = { column", "hide = { of"):
        number = next(n for n, line in enumerate(lines, 1) if line.startswith(key))
        assert f"mine.toml:{number}:" in two


def test_a_key_that_items_do_not_have_is_told():
    last = '\n[standard.ranking.diversity]\nby = "topci"\nmax_per_key = 3\n'
    complaint = _complaint(("\n[targets]", f"{last}\n[targets]"))
    assert "RT902 items have no key `topci`" in complaint
    assert "did you mean `topic`?" in complaint


def test_a_standard_policy_may_have_params_of_which_production_serves():
    plain = text_of("shop")
    tuned = plain.replace(
        'score = "p_click * (1 + 4 * p_add_to_cart)"',
        'score = "p_click * (1 + w * p_add_to_cart)"\nparams = { w = { production = 4, low = 0, high = 9 } }',
    )
    assert tuned != plain
    found = [measure(world_of(parse(text), SIZES), 500, ANOTHER_SEED) for text in (plain, tuned)]
    assert found[0].rate("click") == found[1].rate("click")
    assert found[0].rate("purchase") == found[1].rate("purchase")


def test_a_misspelt_target_names_the_right_one():
    assert "did you mean `click`?" in _complaint(('of = "click"', 'of = "clikc"'))


def test_an_unknown_world_is_told_with_the_known_ones():
    with pytest.raises(UsageError, match="no simulated world 'shopp'") as caught:
        load("shopp")
    assert "did you mean `shop`?" in caught.value.help
