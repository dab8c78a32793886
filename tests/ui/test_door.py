"""A link works once; a session ends; neither is kept where it could be read."""

import pytest
from served import Clock

from rectune_dsl.ui.door import IDLE_SECONDS, Door, Outcome


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def door(clock):
    return Door(clock)


def test_a_token_is_traded_once(door):
    token = door.new_token()
    cookie = door.enter(token)
    assert door.session(cookie) is not None
    assert door.enter(token) is None


def test_nothing_else_is_traded(door):
    assert door.enter("") is None  # before there is a token, too
    token = door.new_token()
    for wrong in ("", token[:-1], token + "a", token.swapcase(), "\ud800"):
        assert door.enter(wrong) is None
    assert door.enter(token) is not None


def test_a_fresh_link_makes_the_one_before_void(door):
    old, new = door.new_token(), door.new_token()
    assert door.enter(old) is None
    assert door.enter(new) is not None


def test_tokens_and_cookies_have_256_bits_and_are_kept_as_hashes(door):
    token = door.new_token()
    assert len(token) >= 43
    assert token not in repr(vars(door))
    cookie = door.enter(token)
    assert len(cookie) >= 43
    assert cookie not in repr(vars(door))
    assert len(door.session(cookie).csrf) >= 43


def test_sessions_are_apart(door):
    one, other = (door.enter(door.new_token()) for _ in range(2))
    assert door.session(one).csrf != door.session(other).csrf
    door.leave(one)
    assert door.session(one) is None
    assert door.session(other) is not None


def test_a_session_lives_as_long_as_it_is_used(door, clock):
    cookie = door.enter(door.new_token())
    for _ in range(3):
        clock.now += IDLE_SECONDS - 1
        assert door.session(cookie) is not None
    clock.now += IDLE_SECONDS
    assert door.session(cookie) is None
    clock.now -= IDLE_SECONDS  # what has ended does not come back
    assert door.session(cookie) is None


def test_watching_is_not_using(door, clock):
    cookie = door.enter(door.new_token())
    clock.now += IDLE_SECONDS / 2
    assert door.session(cookie, is_watching=True) is not None
    clock.now += IDLE_SECONDS / 2
    assert door.session(cookie, is_watching=True) is None


def test_outcomes_are_kept_for_a_while(door):
    session = door.session(door.enter(door.new_token()))
    numbers = [session.remember(Outcome("good", f"outcome {i}")) for i in range(60)]
    assert session.outcome(str(numbers[-1])).what == "outcome 59"
    assert session.outcome(str(numbers[0])) is None
    for nonsense in ("", "-1", "x", "²", "9" * 5000):
        assert session.outcome(nonsense) is None
