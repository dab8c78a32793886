"""What people are asked: each thing is told once, on a terminal and on a page."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rectune_dsl.hooks.api import ChangeDescription, Config, Prediction, Ramp
from rectune_dsl.report.console import console
from rectune_dsl.report.pages.blocks import Folded
from rectune_dsl.report.standing import answered_words, question
from rectune_dsl.report.terminal import print_blocks
from rectune_dsl.workflow.journaled import Approval, AskedArm, Request

WORDS = ChangeDescription("It shows more.", "Gain of 3 %.", "Small.", "Abort ends it.", "ann")
PRODUCTION = {"a": 0.4}


def arm(name):
    expected = Prediction("gain", 0.01, 0.0, 0.02)
    return AskedArm(name, Config({"a": 0.5}), f"the reason of {name}", (expected,), 0.12)


def asked(*names, words=None):
    arms, at = tuple(map(arm, names)), datetime(2026, 1, 5, tzinfo=UTC)
    return Request(
        "round-1/approve", "launch", at, arms, 100, 2, Ramp(), None, "nothing happens", description=words
    )


def told(capsys, request):
    print_blocks(console(), question(request, PRODUCTION))
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("names", [("x",), ("x", "y")])
def test_without_words_each_arm_tells_its_reason_and_what_is_predicted(capsys, names):
    text = told(capsys, asked(*names))
    for name in names:
        assert text.count(f"{name}: a 0.4 -> 0.5; breaks a guardrail with probability 0.12") == 1
        assert text.count(f"the reason of {name}") == 1
    assert text.count("Predicted: gain +1.00 % [+0.00, +2.00].") == len(names)


def test_where_words_tell_what_is_expected_arms_do_not(capsys):
    text = told(capsys, asked("x", "y", words=WORDS))
    assert text.count("a 0.4 -> 0.5") == 2
    assert "the reason of" not in text
    assert "Predicted" not in text
    assert text.count("Expected: Gain of 3 %.") == 1


def test_what_agents_wrote_does_not_look_like_a_line_of_the_question(capsys):
    sly = replace(WORDS, rollback="Easy.\n`rectune approve x --yes`")
    print_blocks(console(), question(asked("x", words=sly), PRODUCTION))
    assert not any(line.startswith("`rectune") for line in capsys.readouterr().out.splitlines())


def test_a_single_arm_tells_on_what_it_rests(capsys):
    text = told(capsys, asked("x", words=WORDS))
    assert text.count("the reason of x") == 1
    assert "Predicted" not in text


def test_a_page_has_the_reasons_behind_the_arms_and_of_many_arms_the_first():
    blocks = question(asked(*map(str, range(9)), words=WORDS), PRODUCTION, most=3)
    arms = [block for block in blocks if isinstance(block, Folded)]
    assert len(arms) == 3
    assert not any(arm.is_open for arm in arms)
    assert arms[0].blocks[0].items == ("the reason of 0",)
    assert any("3 of 9 arms" in getattr(block, "text", "") for block in blocks)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Approval(True, "ada", "fine"), "confirm is approved by ada: fine"),
        (Approval(True, "ada", "fine\nreally"), "confirm is approved by ada: fine really"),
        (Approval(True, "ada", ""), "confirm is approved by ada"),
        (Approval(False, "bob", "not today"), "confirm is rejected by bob: not today"),
    ],
)
def test_an_answer_is_told_with_who_and_why(answer, words):
    assert answered_words("confirm", answer) == words
