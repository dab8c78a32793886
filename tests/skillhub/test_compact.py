import dataclasses
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.api import KnowledgeRecord, Scope, Skill
from rectune_dsl.skillhub.compact import compact
from rectune_dsl.skillhub.document import SLOTS

SKILL = Skill("fusion", "Fuses heads.", *(f"Words about {slot}." for slot in SLOTS))
TEXT = st.text(max_size=300)


def known(id, status, **changes):
    return KnowledgeRecord(id, f"{id} says so.", Scope(), status, None, (), (), "a", **changes)


def test_what_is_active_comes_first_with_its_counts_and_what_is_retired_is_left_out():
    records = (known("c", "candidate"), known("r", "retired"), known("a", "active", helpful=3, harmful=1))
    told = compact(dataclasses.replace(SKILL, knowledge=records), 2000)
    assert told.splitlines()[:3] == [
        "Skill fusion: Fuses heads.",
        "- a: a says so. (active; helped in 3, harmed in 1)",
        "- c: c says so. (candidate)",
    ]
    assert "r says so" not in told
    assert "Domain knowledge: Words about domain_knowledge." in told


def test_the_records_of_an_imported_skill_are_not_told():
    told = compact(dataclasses.replace(SKILL, knowledge=(known("a", "active"),), trusted=False), 2000)
    assert "a says so" not in told
    assert "nobody has activated it" in told


def test_what_one_slot_does_not_need_goes_to_the_others():
    told = compact(dataclasses.replace(SKILL, tools="tool " * 400), 1500)
    assert 1400 < len(told) <= 1500
    assert "Words about context." in told


@given(
    st.builds(
        Skill,
        TEXT,
        TEXT,
        *[TEXT] * 6,
        knowledge=st.lists(
            st.builds(
                KnowledgeRecord,
                TEXT,
                TEXT,
                st.just(Scope()),
                st.sampled_from(["active", "candidate", "retired"]),
                st.none(),
                st.just(()),
                st.just(()),
                st.just(""),
            ),
            max_size=5,
        ).map(tuple),
    ),
    st.integers(0, 3000),
)
def test_it_keeps_its_length_and_no_text_can_break_out_of_its_line(skill, characters):
    told = compact(skill, characters)
    assert len(told) <= characters
    assert told.count("\n") <= 1 + len(skill.knowledge) + len(SLOTS)
    assert told.splitlines() == told.split("\n") or not told
    assert not any(unicodedata.category(c).startswith("C") for c in told.replace("\n", ""))
