import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Scope
from rectune_dsl.skillhub.render import plain, record_line


def test_a_mechanic_is_told_with_its_effect_interval_and_evidence(record, mechanic):
    told = record(mechanic=mechanic, supports=("a", "b", "c"))
    assert record_line(told) == (
        "- w_like +10 % of its range: watch_minutes +0.8 % [0.2, 1.4] (candidate; 3 experiments)"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "- Words. (candidate)"),
        ({"supports": ("a",)}, "- Words. (candidate; 1 experiment)"),
        ({"status": "active", "contradicts": ("a", "b")}, "- Words. (active; 2 against)"),
    ],
)
def test_a_record_without_mechanic_is_told_by_its_statement(record, changes, line):
    assert record_line(record(statement="Words.", **changes)) == line


def test_a_long_statement_is_cut_and_its_standing_stays(record):
    line = record_line(record(statement="word " * 100, supports=("a",)), 60)
    assert len(line) <= 60
    assert line.endswith("word … (candidate; 1 experiment)")


@given(st.text(), st.text(), st.text())
def test_no_text_can_break_out_of_its_line(statement, cause, unit):
    mechanic = Mechanic("likes", cause, unit, 0.0, 0.0, 0.0, (), "")
    for known in (None, mechanic):
        line = record_line(KnowledgeRecord("a", statement, Scope(), "candidate", known, (), (), ""))
        assert line.splitlines() == [line]
        assert not any(unicodedata.category(c).startswith("C") for c in line)


def test_terminal_codes_and_reversed_text_become_visible():
    assert plain("a\x1b[31m\u202eb\x00\u200bc\r\nd") == "a\ufffd[31m\ufffdb\ufffd\ufffdc d"
