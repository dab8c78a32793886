"""What others wrote cannot do anything to a terminal."""

import pytest
from rich.text import Text

from rectune_dsl.report.console import console, print_table
from rectune_dsl.report.tables import table

HOSTILE = "a\x1b[2Jb\u202ec"


@pytest.mark.parametrize(
    "show",
    [
        lambda out: out.print(HOSTILE),
        lambda out: out.print(Text(HOSTILE, "bold")),
        lambda out: out.print(Text.assemble(("x ", "dim"), (HOSTILE, "bold"))),
        lambda out: print_table(out, table("t", ("one",), [[HOSTILE]])),
        lambda out: print_table(out, table("t", (HOSTILE,), [["x"]])),
    ],
)
def test_characters_that_a_terminal_obeys_are_shown_as_such(show):
    out = console()
    with out.capture() as captured:
        show(out)
    told = captured.get()
    assert "a\ufffd[2Jb\ufffdc" in told
    assert not set("\x1b\u202e") & set(told)


def test_lines_stay_lines():
    out = console()
    with out.capture() as captured:
        out.print("one\ntwo")
    assert captured.get() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("width", "heading"), [(120, ["next_day_return"]), (34, ["next_", "day_", "return"])]
)
def test_names_in_headings_break_at_their_underscores_and_only_without_room(monkeypatch, width, heading):
    monkeypatch.setenv("COLUMNS", str(width))
    out = console()
    with out.capture() as captured:
        print_table(
            out, table("", ("arm", "next_day_return"), [["r1p1", "+1.7%"], ["r1p2 is long enough", "1"]])
        )
    lines = [line.split()[-1] for line in captured.get().splitlines() if line.strip()]
    assert lines[: len(heading)] == heading
