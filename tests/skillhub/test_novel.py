"""Skills that agents make, and pages that are valid whatever agents write."""

import dataclasses
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skills_ref.validator import validate

from rectune_dsl.hooks.api import KnowledgeRecord, NovelSkill, Scope, SkillRevision
from rectune_dsl.hooks.errors import PluginError, UsageError
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.verify import verify

DAY = date(2026, 5, 1)
NOVEL = NovelSkill("Tunes, at last.", "When.", "What.", "Up.", "Production.", "Little.", "None.")


def make(hub, novel=NOVEL, name="night-feed", records=(), run="a"):
    hub.apply(SkillRevision(name, records, "a gap", novel=novel), run=run, when=DAY)


def test_an_agent_makes_a_skill_where_there_is_none(hub, record, tmp_path):
    for _ in range(2):  # again after a crash
        make(hub, records=(record(status="active"),))
    skill = hub.load("night-feed")
    assert (skill.description, skill.context, skill.tools) == ("Tunes, at last.", "When.", "None.")
    assert [known.status for known in skill.knowledge] == ["candidate"]
    assert len(hub.shelf("night-feed").revisions.log()) == 1
    assert validate(tmp_path / "workspace/night-feed") == []
    assert 'origin: "run a, 2026-05-01"' in (tmp_path / "workspace/night-feed/SKILL.md").read_text()


@pytest.mark.parametrize("name", ["fusion", "night-feed"])
def test_a_name_that_is_taken_is_refused(hub, name):
    make(hub)
    with pytest.raises(PluginError, match="is there already"):
        make(hub, dataclasses.replace(NOVEL, description="Another."), name)


@pytest.mark.parametrize("name", ["../evil", "Night", "a--b", "", "x" * 65, ".revisions"])
def test_a_name_that_no_skill_may_have_is_refused(hub, tmp_path, name):
    with pytest.raises(UsageError, match="is not a skill's name"):
        make(hub, name=name)
    assert not (tmp_path / "workspace").exists()


SLOT = st.text(max_size=60) | st.sampled_from(
    [
        "## Tools",
        "x\n## Context\ny",
        "<!-- learnt: written by rectune from assets/knowledge.toml -->",
        "---\na: b",
    ]
)


@given(st.builds(NovelSkill, *[SLOT] * 7))
def test_whatever_an_agent_writes_is_a_valid_skill_or_refused(tmp_path_factory, novel):
    root = tmp_path_factory.mktemp("novel")
    hub = Skillhub([], root)
    try:
        make(hub, novel)
    except PluginError:
        assert hub.names() == ()
        return
    assert hub.load("night-feed").trusted
    assert validate(root / "night-feed") == []


@settings(max_examples=25)
@given(st.lists(st.text(max_size=200), max_size=100))
def test_a_learnt_page_is_valid_whatever_its_records_say(tmp_path_factory, statements):
    root = tmp_path_factory.mktemp("learnt")
    hub = Skillhub([], root)
    records = tuple(
        KnowledgeRecord(f"r{n}", text, Scope(), "active", None, (), (), "gate")
        for n, text in enumerate(statements)
    )
    make(hub, records=())
    try:
        hub.apply(SkillRevision("night-feed", records, "won"), run="a", when=DAY, judged=True)
    except PluginError:
        return  # half of a surrogate pair
    page = (root / "night-feed/SKILL.md").read_text(encoding="utf-8")
    assert len(page.split("---\n", 2)[2].splitlines()) < 500
    assert validate(root / "night-feed") == []
    assert hub.load("night-feed").domain_knowledge == "Little."
    assert hub.load("night-feed").revision == hub.shelf("night-feed").revisions.log()[-1].revision
    assert verify(hub.shelf("night-feed")).problems == ()
