import pytest

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.document import SLOTS, read_slots


def body(**changes: str) -> str:
    texts = {field: f"Words about {field}." for field in SLOTS} | changes
    return "\n".join(f"## {SLOTS[field]}\n\n{text}\n" for field, text in texts.items())


def test_each_heading_is_a_slot():
    assert read_slots("Intro.\n\n" + body(), "SKILL.md") == {f: f"Words about {f}." for f in SLOTS}


def test_headings_are_found_whatever_their_case_and_closing_marks():
    text = body().replace("## North star", "  ## NORTH STAR ##")
    assert read_slots(text, "SKILL.md")["north_star"] == "Words about north_star."


def test_deeper_headings_and_code_belong_to_their_slot():
    text = "### Deeper\n\n```sh\n## no heading\n~~~\n```\n\n    ## indented code"
    assert read_slots(body(tools=text), "SKILL.md")["tools"] == text


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        (body().replace("## Tools", "Tools"), "`## Tools` is missing", "Domain knowledge"),
        (body().replace("## Tools", "## Tolos"), "`## Tolos` is none of", "`Tools`"),
        (body() + "## Tools\n", "`## Tools` stands there twice", "join"),
    ],
)
def test_nothing_written_is_dropped_in_silence(text, message, help):
    with pytest.raises(UsageError, match=message) as caught:
        read_slots(text, "SKILL.md")
    assert help in caught.value.help
