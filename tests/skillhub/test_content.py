"""A skill's files and what they say: nothing a person wrote is lost between the two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Scope
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.content import KNOWLEDGE, PARTS, Content, content_of, digest, files_of
from rectune_dsl.skillhub.document import SLOTS
from rectune_dsl.skillhub.front_matter import read_front_matter, renamed
from rectune_dsl.skillhub.knowledge import Knowledge
from rectune_dsl.skillhub.learnt import BEGIN, END

WHERE = {part: part for part in PARTS}
FRONT = "---\nname: fusion\n## Tools\ndescription: words\n---\n"


def page(**slots: str) -> str:
    texts = {slot: slots.get(slot, f"Words about {slot}.") for slot in SLOTS}
    return (
        FRONT + "\n# Title\n\n" + "\n".join(f"## {SLOTS[slot]}\n\n{text}\n" for slot, text in texts.items())
    )


def known(*statements: str) -> Knowledge:
    return Knowledge(
        tuple(
            KnowledgeRecord(f"r{n}", text, Scope(), "active", None, (), (), "gate")
            for n, text in enumerate(statements)
        )
    )


LINES = st.lists(st.sampled_from(["words", "", "  indented", "### deeper", "```\n## code\n```", "- item"]))


@given(
    LINES.map("\n".join), st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=40), max_size=4)
)
def test_what_is_written_is_read_as_it_was_and_written_the_same(prose, statements):
    content = Content(page(domain_knowledge=prose), knowledge=known(*statements))
    files = files_of(content)
    read = content_of(files, WHERE)
    assert read.knowledge == content.knowledge
    assert content_of({"SKILL.md": read.page}, WHERE) == Content(read.page)
    assert prose.strip() in read.page
    assert digest(files_of(read)) == digest(files)


def test_a_page_without_records_stays_as_it_is_to_the_byte():
    assert files_of(Content(page())) == {"SKILL.md": page()}


@pytest.mark.parametrize("slot", [BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_half_of_the_comments_is_an_error_and_no_prose_is_dropped(slot):
    with pytest.raises(UsageError, match="not one pair") as caught:
        content_of({"SKILL.md": page(domain_knowledge=slot)}, WHERE)
    assert "written anew" in caught.value.help


def test_no_statement_can_end_the_generated_part_or_begin_a_block_of_code():
    files = files_of(Content(page(), knowledge=known(f"a\n{END}\n## Tools", "```", "<!-- hidden")))
    told = files["SKILL.md"].split(BEGIN)[1].split(END)[0]
    assert "```" not in told
    assert "<!--" not in told
    assert content_of(files, WHERE).page == page()


def test_files_differ_in_their_hash_by_any_byte_and_any_name():
    files = files_of(Content(page(), knowledge=known("a")))
    others = [
        {**files, "SKILL.md": files["SKILL.md"] + " "},
        {"SKILL.md": files["SKILL.md"]},
        {"SKILL.md": files[KNOWLEDGE], KNOWLEDGE: files["SKILL.md"]},
    ]
    assert len({digest(one) for one in (files, *others)}) == 4


@pytest.mark.parametrize(
    "line", ["name: fusion", "name: 'fusion'", 'name: "fusion"', "description: d\nname:   fusion"]
)
def test_a_page_gets_another_name_and_nothing_else(line):
    text = f"---\n{line}\n{'' if 'description' in line else 'description: d'}\n---\nname: fusion\n"
    changed = renamed(text, "other", "SKILL.md")
    front, body = read_front_matter(changed, "SKILL.md")
    assert (front.name, front.description, body) == ("other", "d", "name: fusion\n")
    assert renamed(changed, "other", "SKILL.md") == changed
