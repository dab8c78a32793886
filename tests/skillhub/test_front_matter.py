import re

import pytest
import strictyaml
from hypothesis import example, given
from hypothesis import strategies as st

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.front_matter import KEYS, read_front_matter

VALUES = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="ab :#=<'\"\\-?[]{},&*!|>%@`~0.\t", max_size=12),
    st.text(max_size=12).map(lambda t: "'" + t.replace("'", "''") + "'"),
)


def read(text: str):
    return read_front_matter(text, "SKILL.md")


def page(*lines: str) -> str:
    return "\n".join(["---", "name: fusion", *lines, "---", "body"])


def test_reads_every_key_of_the_specification():
    front, body = read(
        page(
            'description: "Fuses: heads # all"',
            "# a comment",
            "",
            "license: Apache-2.0",
            "compatibility: 'Ann''s machine'",
            "metadata:",
            "  stage: ranking",
            '  version: "1"',
            "allowed-tools: Read Bash(git:*)",
        )
    )
    assert (front.name, front.description) == ("fusion", "Fuses: heads # all")
    assert front.metadata == {"stage": "ranking", "version": "1"}
    assert front.others == {
        "license": "Apache-2.0",
        "compatibility": "Ann's machine",
        "allowed-tools": "Read Bash(git:*)",
    }
    assert body == "body"


@given(VALUES, st.sampled_from([key for key in KEYS if key not in ("name", "description", "metadata")]))
@example("a: b", "license")
@example("a # b", "license")
@example('"a\\u0041\\/"', "license")
@example("- a", "license")
@example("~", "license")
@example("=", "license")
@example("key:", "license")
@example("'\x08'", "license")
@example("a\x85b", "license")
@example("'\u2028'", "license")
@example("\ufeff", "license")
@example("\xa0", "license")
@example('"\\ud83d\\ude00"', "license")
@example("\U0001f600", "license")
def test_what_is_accepted_means_the_same_in_yaml(value, key):
    text = page("description: words", f"{key}: {value}")
    try:
        front, _ = read(text)
    except UsageError:
        return
    yaml = strictyaml.load("\n".join(text.split("\n")[1:-2])).data
    assert {"name": front.name, "description": front.description, **front.others} == yaml


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("# no front matter", r"SKILL.md:1: a skill starts with its front matter", "`---`"),
        ("", r"SKILL.md:1: a skill starts", "`---`"),
        ("---\nname: fusion\n", r"SKILL.md:1: the front matter is not closed", "`---`"),
        (page("descripton: words"), r"SKILL.md:3: the key `descripton` is unknown", "`description`"),
        (page(), r"no `description`", "description: "),
        (page("description:"), r"no `description`", "description: "),
        (page("name: again"), r"SKILL.md:3: the key `name` stands here twice", "remove"),
        (page("description: a: b"), r"SKILL.md:3: ':' has a meaning", "double quotes"),
        (page("description: >"), r"SKILL.md:3: '>' has a meaning", "one line"),
        (page("description: [a]"), r"SKILL.md:3: '\[' has a meaning", "double quotes"),
        (page('description: "a'), r"SKILL.md:3: this is not a double-quoted", '`"`'),
        (page("description: 'a' b"), r"SKILL.md:3: this is not a single-quoted", "`'`"),
        (page("description: a", "  more words"), r"SKILL.md:4: this line is not `key: value`", "one line"),
        (page("description: a", "  b: c"), r"SKILL.md:4: this line is indented", "one line"),
        (page("description: 'a\x08'"), r"SKILL.md:3: this line holds the invisible", "remove"),
        (page('description: "\\ud83d"'), r"SKILL.md:3: this is not a double-quoted", '`"`'),
        (page("metadata: a"), r"SKILL.md:3: `metadata` is a table", "indented"),
        (page("metadata:", "  a: 1", "    b: 2"), r"SKILL.md:5: this line is indented", "one line"),
        (page("metadata:", "  a: 1", "  a: 2"), r"SKILL.md:5: the key `a` stands here twice", "remove"),
        (page("description: " + "a" * 1025), r"`description` has more than 1,024 characters", "shorten"),
        (page("description: a", "compatibility: " + "a" * 501), r"more than 500 characters", "shorten"),
        ("---\nname: Fusion\ndescription: a\n---\n", r"'Fusion' is not a skill's name", "lower-case"),
        ("---\nname: a--b\ndescription: a\n---\n", r"'a--b' is not a skill's name", "hyphens"),
    ],
)
def test_says_where_it_is_malformed_and_what_to_write(text, message, help):
    with pytest.raises(UsageError, match=message) as caught:
        read(text)
    assert re.search(re.escape(help), caught.value.help)
