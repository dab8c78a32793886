import dataclasses
from pathlib import Path

import pytest
from skills_ref.validator import validate

from rectune_dsl.hooks.errors import PluginError, UsageError
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.knowledge import Knowledge, knowledge_to_toml
from rectune_dsl.skillhub.places import seed_folders


def test_loads_prose_values_and_knowledge(tmp_path, write_skill, record):
    known = record()
    write_skill(
        tmp_path,
        "fusion",
        initial="[initial_values]\nw_like = 2",
        knowledge=knowledge_to_toml(Knowledge((known,))),
    )
    skill = Skillhub([tmp_path], tmp_path / "none").load("fusion")
    assert skill.description == "About fusion."
    assert skill.north_star == "Words about north_star."
    assert skill.initial_values == {"w_like": 2.0}
    assert skill.knowledge == (known,)


def test_the_first_seed_folder_that_has_a_skill_wins(tmp_path, write_skill):
    write_skill(tmp_path / "one", "fusion", front="name: fusion\ndescription: first")
    write_skill(tmp_path / "two", "fusion", front="name: fusion\ndescription: second")
    write_skill(tmp_path / "two", "other")
    hub = Skillhub([tmp_path / "one", tmp_path / "two", tmp_path / "absent"], tmp_path / "none")
    assert hub.names() == ("fusion", "other")
    assert hub.load("fusion").description == "first"


def test_an_unknown_skill_is_named_with_the_nearest_one(hub):
    with pytest.raises(UsageError, match="no skill 'fushion'") as caught:
        hub.load("fushion")
    assert caught.value.help == "did you mean `fusion`?"
    for stranger in ("../seeds/fusion", "fusion/", ".", ""):
        with pytest.raises(UsageError, match="no skill"):
            hub.load(stranger)


def test_without_any_skill_it_says_where_to_put_one(tmp_path):
    with pytest.raises(UsageError) as caught:
        Skillhub([], tmp_path).load("fusion")
    assert "`skills` beside the task" in caught.value.help


def test_a_revision_writes_the_workspace_only(hub, tmp_path, record, apply, written, files):
    before = files(tmp_path / "seeds")
    apply(hub, record())
    assert files(tmp_path / "seeds") == before
    readable = [path for path in files(tmp_path / "workspace") if not path.startswith(".revisions")]
    assert readable == ["fusion/SKILL.md", "fusion/assets/knowledge.toml"]
    assert hub.load("fusion").knowledge == (written(record()),)


def test_applying_a_revision_twice_gives_the_same_bytes(hub, tmp_path, record, mechanic, apply, files):
    told = (record(mechanic=mechanic, supports=("a/2", "a/1")), record("second"))
    apply(hub, *told)
    before, name = files(tmp_path / "workspace"), hub.load("fusion").revision
    apply(hub, *told)
    apply(hub, *told, run="b")  # whoever says it again
    assert files(tmp_path / "workspace") == before
    assert hub.load("fusion").revision == name


def test_a_revision_that_is_repeated_after_others_undoes_none_of_them(hub, record, apply):
    apply(hub, record(statement="First.", supports=("a/1",)))
    apply(hub, record(statement="Second.", supports=("b/1",)), run="b")
    known = hub.load("fusion")
    apply(hub, record(statement="First.", supports=("a/1",)))
    assert hub.load("fusion") == known
    assert len(hub.shelf("fusion").revisions.log()) == 3  # the seed, and each run's


def test_new_evidence_joins_the_old_and_replaces_the_statement(hub, record, apply, written):
    apply(hub, record(supports=("a/1",)), record("other"))
    apply(hub, record(statement="Now better.", supports=("b/1",), contradicts=("c/1",)))
    first, other = hub.load("fusion").knowledge
    assert (first.statement, first.supports, first.contradicts) == ("Now better.", ("a/1", "b/1"), ("c/1",))
    assert other == written(record("other"))


def test_evidence_of_a_seed_record_is_kept_and_what_a_newer_seed_knows_comes_on_top(
    tmp_path, write_skill, record, apply
):
    seeds = [record(supports=("seed/1",)), record("untouched")]
    write_skill(tmp_path / "seeds", "fusion", knowledge=knowledge_to_toml(Knowledge(tuple(seeds))))
    hub = Skillhub([tmp_path / "seeds"], tmp_path / "workspace")
    apply(hub, record(supports=("a/1",)))
    first = dataclasses.replace(
        record(supports=("a/1", "seed/1")), created="2026-03-02", changed="2026-03-02"
    )
    assert hub.load("fusion").knowledge == (first, record("untouched"))
    assert Skillhub([], tmp_path / "workspace").load("fusion") == hub.load("fusion")
    newer = [record(statement="Newer."), record("untouched"), record("news")]
    write_skill(tmp_path / "seeds", "fusion", knowledge=knowledge_to_toml(Knowledge(tuple(newer))))
    assert hub.load("fusion").knowledge == (first, record("untouched"), record("news"))


def test_the_workspace_page_and_values_lie_over_the_seed(hub, tmp_path, write_skill):
    write_skill(tmp_path / "seeds", "fusion", initial="[initial_values]\na = 1\nb = 2")
    assert hub.load("fusion").initial_values == {"a": 1.0, "b": 2.0}
    write_skill(
        tmp_path / "workspace",
        "fusion",
        front="name: fusion\ndescription: edited",
        initial="[initial_values]\na = 3",
    )
    assert hub.load("fusion").description == "edited"
    assert hub.load("fusion").initial_values == {"a": 3.0}


def test_the_hash_tells_contents_not_places(tmp_path, write_skill, record, apply):
    for root in ("one", "two"):
        write_skill(tmp_path / root, "fusion")
    one, two = (Skillhub([tmp_path / root], tmp_path / f"{root}-work") for root in ("one", "two"))
    assert one.load("fusion").revision == two.load("fusion").revision
    apply(two, record())
    assert one.load("fusion").revision != two.load("fusion").revision


def test_an_empty_revision_writes_nothing(hub, tmp_path, apply):
    apply(hub)
    assert not (tmp_path / "workspace").exists()


def test_the_listing_counts_records_and_shows_what_cannot_be_read(hub, tmp_path, write_skill, record, apply):
    apply(hub, record(), record("b", status="active"), record("c", status="active"), judged=True)
    write_skill(tmp_path / "seeds", "broken", front="name: broken")
    broken, fusion = hub.listing()
    assert "no `description`" in broken.problem
    assert (fusion.learnt, broken.learnt) == (True, False)
    assert dict(fusion.records) == {"active": 2, "candidate": 1}


@pytest.mark.parametrize("spoil", [{"statement": "\ud800"}, {"id": ""}])
def test_a_record_that_could_not_be_read_again_is_refused_and_nothing_changes(
    hub, tmp_path, record, spoil, apply, files
):
    apply(hub, record())
    before = files(tmp_path / "workspace")
    with pytest.raises(PluginError, match="skill 'fusion' cannot be kept"):
        apply(hub, dataclasses.replace(record("new"), **spoil))
    assert files(tmp_path / "workspace") == before


def test_an_effect_that_is_not_finite_is_refused(hub, record, mechanic, apply):
    with pytest.raises(PluginError, match="`high` is inf"):
        apply(hub, record(mechanic=dataclasses.replace(mechanic, high=float("inf"))))


def test_an_interrupted_write_leaves_the_old_file(hub, tmp_path, record, monkeypatch, apply, files):
    apply(hub, record())
    before = files(tmp_path / "workspace")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UsageError, match="cannot be written: disk full"):
        apply(hub, record("new"))
    assert files(tmp_path / "workspace") == before


@pytest.mark.parametrize(
    ("asset", "text", "message"),
    [
        ("knowledge", "[[knowledge]]\nid = 3", r"fusion.assets.knowledge\.toml: record 1"),
        ("initial", "a =", r"fusion.assets.initial\.toml is not TOML"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, write_skill, asset, text, message):
    write_skill(tmp_path, "fusion", **{asset: text})
    with pytest.raises(UsageError, match=message):
        Skillhub([tmp_path], tmp_path / "none").load("fusion")


def test_a_page_that_is_not_utf8_is_named(tmp_path, write_skill):
    (write_skill(tmp_path, "fusion") / "SKILL.md").write_bytes(b"---\nname: \xff\n---")
    with pytest.raises(UsageError, match=r"SKILL\.md cannot be read"):
        Skillhub([tmp_path], tmp_path / "none").load("fusion")


def test_name_and_folder_have_to_agree(tmp_path, write_skill):
    write_skill(tmp_path, "fusion", front="name: other\ndescription: words")
    with pytest.raises(UsageError, match="called 'other', its folder 'fusion'"):
        Skillhub([tmp_path], tmp_path / "none").load("fusion")


SEEDS = sorted((Path(__file__).parents[2] / "skills").iterdir())


@pytest.mark.parametrize("folder", SEEDS, ids=lambda folder: folder.name)
def test_seed_skills_and_their_workspace_copies_are_valid_agent_skills(folder, tmp_path, record, apply):
    hub = Skillhub([folder.parent], tmp_path)
    skill = hub.load(folder.name)
    assert all(getattr(skill, slot) for slot in ("context", "requirement", "north_star", "initial_config"))
    assert all(getattr(skill, slot) for slot in ("domain_knowledge", "tools"))
    assert not any(known.supports or known.status == "active" for known in skill.knowledge)
    apply(hub, record(), skill=folder.name)
    assert validate(folder) == []
    assert validate(tmp_path / folder.name) == []


def test_there_is_a_seed_skill_for_each_shipped_task():
    assert [folder.name for folder in SEEDS] == [
        "diversity",
        "joint-tuning",
        "open-bandit",
        "value-based-retrieval",
        "value-fusion",
    ]


def test_seed_folders_come_from_the_variable_then_the_task_then_the_working_folder(tmp_path, monkeypatch):
    named, near, top, here = (
        tmp_path / part for part in ("named", "a/tasks/skills", "a/skills", "cwd/skills")
    )
    for folder in (named, near, top, here):
        folder.mkdir(parents=True)
    monkeypatch.setenv("RECTUNE_SKILLS", str(named))
    monkeypatch.chdir(tmp_path / "cwd")
    assert seed_folders(tmp_path / "a/tasks/fusion.toml") == (named, near, top, here)
    assert seed_folders(None) == (named, here)
    assert seed_folders(tmp_path / "a/tasks/b/c/fusion.toml") == (named, near, top, here)
    assert seed_folders(tmp_path / "a/tasks/b/c/d/e/fusion.toml") == (named, here)


def test_a_named_folder_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("RECTUNE_SKILLS", str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="absent, which is not a folder"):
        seed_folders(None)
