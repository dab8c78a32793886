"""Markdown for pull requests: what is text stays text, and tables stay tables."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.report.markdown import MOST, markdown
from rectune_dsl.report.pages.blocks import Code, Figure, Folded, Listing, Page, Panel, Prose, Section
from rectune_dsl.report.tables import table


def of(*blocks):
    return markdown(Page("t", (), (Section("s", "s", blocks),)))


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_table_has_as_many_cells_in_every_row_whatever_is_in_them(one, other):
    text = of(table("t", ("a", "b"), [[one, other], [other, one]]))
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 4
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines)


@pytest.mark.parametrize(
    "text", ["<img src=x>", "[a](javascript:b)", "# not a heading", "@everyone", "![x](y)"]
)
def test_markup_is_escaped(text):
    told = of(Prose(text), Listing((text,)))
    assert f"\n{text}" not in told
    assert not re.search(r"(?<!\\)[<\[#@!]", told.replace("# t", "").replace("## s", "").replace("#", "", 1))


def test_what_stands_between_backticks_is_code_and_a_stray_one_is_none():
    assert "see `rectune ls` now" in of(Prose("see `rectune ls` now"))
    assert "a 'b" in of(Prose("a `b"))


def test_a_fence_is_longer_than_any_in_it():
    assert "\n````\na\n```\nb\n````\n" in of(Code("a\n```\nb"))


def test_folded_blocks_fold():
    assert "<details><summary>more \\<b\\></summary>\n\ninner\n\n</details>" in of(
        Folded("more <b>", (Prose("inner"),))
    )


def figure(about, **more):
    panel = Panel("", "scatter", ())
    return Figure("f", "Figure", about, (panel,), table("numbers", ("a",), [["1"]]), **more)


def test_what_a_paragraph_says_its_figure_does_not_say_again():
    told = of(Prose("U is 1."), figure("U is 1."), figure("U is 2."))
    assert told.count("U is 1.") == told.count("U is 2.") == 1


def test_a_table_that_another_section_has_is_not_told_again():
    told = of(figure("seen", numbers_of="the section on arms"))
    assert "The numbers are those of the section on arms." in told
    assert "| 1 |" not in told
    assert "| 1 |" in of(figure("seen"))


def test_a_section_for_which_there_is_no_room_is_shortened_and_later_ones_are_whole():
    rounds = [Folded(f"Round {n}", (Prose("x" * (MOST // 4)),)) for n in range(1, 7)]
    sections = (Section("r", "Rounds", tuple(rounds)), Section("c", "Cost", (Prose("free"),)))
    told = markdown(Page("t", (), sections))
    assert len(told) <= MOST
    assert told.count("\n- Round ") == 3
    assert "- Round 3\n" in told
    assert [f"<summary>Round {n}" in told for n in range(1, 7)] == [False] * 3 + [True] * 3
    assert "without `--format md`" in told
    assert told.endswith("## Cost\n\nfree\n")
