"""What a person does with a skill."""

import dataclasses
from datetime import date

import pytest

from rectune_dsl.hooks.api import Scope
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub import curate
from rectune_dsl.skillhub.archive import pack
from rectune_dsl.skillhub.content import RESERVED
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.knowledge import Knowledge, knowledge_to_toml
from rectune_dsl.skillhub.shelf import Stamp
from rectune_dsl.skillhub.verify import verify

ADA = Stamp("ada", date(2026, 5, 1), "I say so")


def log(hub, name="fusion"):
    return hub.shelf(name).revisions.log()


# --- back and forth ---


def test_rolling_back_restores_a_revision_exactly_and_can_itself_be_taken_back(hub, apply, record):
    apply(hub, record(supports=("a/1",)))
    first = hub.load("fusion")
    apply(hub, record(statement="Worse.", supports=("b/1",)), run="b")
    second = hub.load("fusion")
    shelf = hub.shelf("fusion")
    assert curate.rollback(shelf, first.revision[:8], ADA) == first.revision
    assert hub.load("fusion") == first
    assert (log(hub)[-1].author, log(hub)[-1].why) == ("ada", "I say so")
    curate.rollback(shelf, second.revision, dataclasses.replace(ADA, why=""))
    assert hub.load("fusion") == second
    assert log(hub)[-1].why == f"rolled back to {second.revision[:12]}"


@pytest.mark.parametrize(("beginning", "message"), [("zzz", "no revision"), ("", "no revision")])
def test_a_revision_that_is_not_there_is_said(hub, apply, record, beginning, message):
    apply(hub, record())
    with pytest.raises(UsageError, match=message):
        curate.rollback(hub.shelf("fusion"), beginning, ADA)


def test_a_difference_shows_the_lines_that_changed(hub, apply, record):
    apply(hub, record(statement="One."))
    apply(hub, record(statement="Two."))
    lines = list(curate.difference(hub.shelf("fusion"), "", ""))
    assert [line for line in lines if line[:2] in ("-s", "+s")] == [
        '-statement = "One."',
        '+statement = "Two."',
    ]
    seed = log(hub)[0].revision
    whole = list(curate.difference(hub.shelf("fusion"), seed[:10], ""))
    assert '+statement = "Two."' in whole
    assert whole[0].startswith(f"--- {seed[:12]}/")


def test_there_is_no_difference_before_the_first_revision(hub):
    with pytest.raises(UsageError, match="no revisions yet"):
        list(curate.difference(hub.shelf("fusion"), "", ""))


# --- single records ---


def test_a_person_may_set_a_record_and_agents_leave_it_so(hub, apply, record):
    apply(hub, record())
    shelf = hub.shelf("fusion")
    curate.set_status(shelf, "w_like", "active", ADA)
    apply(hub, record(status="candidate", supports=("b/1",)), run="b")
    (known,) = hub.load("fusion").knowledge
    assert (known.status, known.why) == ("active", "I say so (said by ada)")
    curate.set_status(shelf, "w_like", "retired", ADA)
    apply(hub, record(supports=("b/1",)), run="c")
    assert hub.load("fusion").knowledge[0].status == "retired"


def test_a_record_that_is_not_there_is_named_with_the_nearest(hub, apply, record):
    apply(hub, record())
    with pytest.raises(UsageError, match="no record 'w_lke'") as caught:
        curate.set_status(hub.shelf("fusion"), "w_lke", "active", ADA)
    assert "`w_like`" in caught.value.help


# --- from one workspace to another ---


@pytest.fixture
def packed(hub, apply, record, tmp_path):
    apply(hub, record(status="active", supports=("a/1",)), judged=True)
    path = tmp_path / "fusion.zip"
    path.write_bytes(curate.hand_on(hub.shelf("fusion")))
    return path


def test_an_imported_skill_is_the_same_but_nobody_trusts_it_yet(hub, packed, tmp_path):
    other = Skillhub([], tmp_path / "other")
    taken = curate.take_in(other, packed, ADA)
    ours, theirs = hub.load("fusion"), other.load("fusion")
    assert dataclasses.replace(theirs, trusted=True) == ours
    assert (taken.revision, theirs.trusted) == (ours.revision, False)
    assert curate.hand_on(other.shelf("fusion")) == packed.read_bytes()
    assert other.related(None, "", "") == ()
    curate.activate(other.shelf("fusion"), ADA)
    assert other.load("fusion").trusted
    assert [skill.name for skill in other.related(None, "", "")] == ["fusion"]
    with pytest.raises(UsageError, match="trusted already"):
        curate.activate(other.shelf("fusion"), ADA)


def test_neither_a_run_nor_a_record_makes_an_imported_skill_trusted(packed, tmp_path, apply, record):
    other = Skillhub([], tmp_path / "other")
    curate.take_in(other, packed, ADA)
    apply(other, record("new"))
    assert not other.load("fusion").trusted
    with pytest.raises(UsageError, match="nobody has activated it"):
        curate.set_status(other.shelf("fusion"), "w_like", "active", ADA)


def test_importing_overwrites_nothing(hub, packed, apply, record):
    curate.take_in(hub, packed, ADA)  # the very same
    assert hub.load("fusion").trusted
    apply(hub, record("more"))
    before = hub.load("fusion")
    with pytest.raises(UsageError, match="has a skill 'fusion' already") as caught:
        curate.take_in(hub, packed, ADA)
    assert "--as NAME" in caught.value.help
    assert hub.load("fusion") == before
    assert curate.take_in(hub, packed, ADA, "borrowed").name == "borrowed"
    assert hub.load("borrowed").knowledge == before.knowledge[:1]


def test_what_lies_over_a_seed_can_be_rolled_back_to_it(tmp_path, write_skill, packed):
    write_skill(tmp_path / "theirs", "fusion", front="name: fusion\ndescription: The seed.")
    other = Skillhub([tmp_path / "theirs"], tmp_path / "other")
    seed = other.load("fusion")
    curate.take_in(other, packed, ADA)
    assert other.load("fusion").description == "About fusion."
    curate.rollback(other.shelf("fusion"), seed.revision, ADA)
    assert other.load("fusion") == seed


HIDDEN = {
    "record": ("assets/knowledge.toml", "More weight", "a\\u202eb", "which a reader cannot see"),
    "terminal": ("assets/knowledge.toml", "More weight", "\\u001b[2J", "which a reader cannot see"),
    "description": ("SKILL.md", "About fusion.", '"a\\u202eb"', "which a reader cannot see"),
    "value": ("assets/initial.toml", "w_like", '"w\\u200b"', "which a reader cannot see"),
    "key": ("assets/knowledge.toml", "author", '"\\u001b[2J"', "the key `\ufffd.2J` is unknown"),
}


@pytest.mark.parametrize(("part", "old", "new", "message"), HIDDEN.values(), ids=HIDDEN)
def test_what_hides_behind_an_escape_is_refused(tmp_path, write_skill, record, part, old, new, message):
    files = {
        "SKILL.md": (write_skill(tmp_path / "any", "fusion") / "SKILL.md").read_text(),
        "assets/knowledge.toml": knowledge_to_toml(Knowledge((record(),))),
        "assets/initial.toml": "[initial_values]\nw_like = 2.0\n",
    }
    assert old in files[part]
    files[part] = files[part].replace(old, new, 1)
    path = tmp_path / "a.zip"
    path.write_bytes(pack("fusion", files))
    with pytest.raises(UsageError, match=message):
        curate.take_in(Skillhub([], tmp_path / "other"), path, ADA)
    assert not (tmp_path / "other").exists()


# --- who knows most ---


def test_related_skills_are_the_others_that_know_most_of_the_product(tmp_path, write_skill, record):
    def skill(name, *scopes, status="active"):
        records = [record(f"r{n}", status=status, scope=scope) for n, scope in enumerate(scopes)]
        write_skill(tmp_path, name, knowledge=knowledge_to_toml(Knowledge(tuple(records))))

    home, search = Scope(product="home"), Scope(product="search")
    skill("own", home, home, home)
    skill("most", home, Scope(), Scope(product="home", regime="v2"))
    skill("some", home)
    skill("also", Scope(regime="v2"))
    skill("elsewhere", search, search)
    skill("unproven", home, home, status="candidate")
    write_skill(tmp_path, "broken", front="name: broken")
    hub = Skillhub([tmp_path], tmp_path / "none")
    names = [skill.name for skill in hub.related("own", "home", "v2")]
    assert names == ["most", "also"]
    assert [skill.name for skill in hub.related("most", "home", "v1")] == ["own", "some"]
    assert [skill.name for skill in hub.related(None, "cart", "")] == ["most"]


# --- verify ---


def test_every_skill_that_is_kept_well_is_sound(hub, apply, record, mechanic):
    apply(hub, record(mechanic=mechanic))
    found = verify(hub.shelf("fusion"))
    assert (found.revisions, found.records, found.problems, found.notes) == (2, 1, (), ())


def test_a_page_without_room_for_what_is_learnt_is_refused(tmp_path, write_skill):
    body = "\n".join(["line"] * (500 - RESERVED))
    folder = write_skill(tmp_path, "fusion")
    page = folder / "SKILL.md"
    page.write_text(page.read_text() + body)
    with pytest.raises(UsageError, match="lines below its front matter"):
        Skillhub([tmp_path], tmp_path / "none").load("fusion")


def test_records_that_contradict_themselves_are_told(tmp_path, write_skill, record, mechanic):
    bad = [
        record("both", supports=("a/1",), contradicts=("a/1",)),
        record("outside", mechanic=dataclasses.replace(mechanic, effect=1.0)),
        record("nobody", author=""),
    ]
    write_skill(tmp_path, "fusion", knowledge=knowledge_to_toml(Knowledge(tuple(bad))))
    found = verify(Skillhub([tmp_path], tmp_path / "none").shelf("fusion"))
    for problem, words in zip(
        found.problems, ("both for it", "outside its own", "who wrote it"), strict=True
    ):
        assert words in problem
