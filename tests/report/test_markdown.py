"""Markdown for pull requests: what is text stays text, and tables stay tables."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.report.markdown import markdown
from rectune_dsl.report.pages.blocks import Code, Folded, Listing, Page, Prose, Section
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
