"""A skill's revisions: hand edits, history, many writers, and processes that are killed."""

import multiprocessing
import os
import signal
from datetime import date

import pytest

from rectune_dsl.hooks.api import SkillRevision
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub import revisions as revisions_
from rectune_dsl.skillhub.content import digest
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.knowledge import Knowledge, knowledge_from_toml, knowledge_to_toml
from rectune_dsl.skillhub.shelf import Shelf
from rectune_dsl.skillhub.verify import verify

DAY = date(2026, 3, 2)
fork = multiprocessing.get_context("fork")


def log(hub):
    return hub.shelf("fusion").revisions.log()


def test_each_write_is_logged_with_who_when_and_why(hub, apply, record):
    before = hub.load("fusion").revision
    apply(hub, record())
    apply(hub, record(supports=("b/1",)), run="b", day=date(2026, 4, 1))
    seed, first, second = log(hub)
    assert (seed.author, seed.revision, seed.parent) == ("seed", before, "")
    assert (first.run, first.date, first.why, first.parent) == ("a", "2026-03-02", "because", before)
    assert (second.parent, second.revision) == (first.revision, hub.load("fusion").revision)
    assert second.date == "2026-04-01"


def test_a_revision_is_called_by_the_hash_of_its_files(hub, apply, record):
    apply(hub, record())
    for entry in log(hub):
        assert digest(hub.shelf("fusion").revisions.read(entry.revision)) == entry.revision


def test_refused_edits_are_in_the_log_once(hub, apply, record):
    apply(hub, record(supports=("a/1",)))
    apply(hub, retired={"w_like": "it lost"}, judged=True)
    for _ in range(2):
        apply(hub, record(supports=("a/1",)), run="b")
    assert [len(entry.refused) for entry in log(hub)] == [0, 0, 0, 1]


def test_the_log_tells_of_many_refusals_by_their_number(hub, apply, record):
    apply(hub, record(), retired={f"stranger-{n}": "x" for n in range(30)})
    refused = log(hub)[-1].refused
    assert (len(refused), refused[-1]) == (21, "10 more")


def test_what_a_person_edits_counts_and_becomes_a_revision(hub, apply, record, tmp_path):
    apply(hub, record())
    page = tmp_path / "workspace/fusion/SKILL.md"
    page.write_text(page.read_text().replace("Words about tools.", "Better words."))
    assert hub.load("fusion").tools == "Better words."
    assert hub.shelf("fusion").edited_by_hand() == ("SKILL.md",)
    apply(hub, record("new"))
    assert hub.load("fusion").tools == "Better words."
    assert [entry.author for entry in log(hub)] == ["seed", "a", "by hand", "a"]
    assert hub.shelf("fusion").edited_by_hand() == ()


def test_the_page_tells_what_is_active_below_what_a_person_wrote(hub, apply, record, mechanic, tmp_path):
    told = record(mechanic=mechanic, status="active", supports=("a/1",))
    apply(hub, told, record("other"), judged=True)
    page = (tmp_path / "workspace/fusion/SKILL.md").read_text()
    slot = page.split("## Domain knowledge")[1].split("## Tools")[0]
    assert slot.index("Words about domain_knowledge.") < slot.index("- w_like +10 % of its range")
    assert "Beside them: 1 candidate, 0 retired." in slot
    assert hub.load("fusion").domain_knowledge == "Words about domain_knowledge."
    apply(hub, retired={"w_like": "it lost"}, judged=True)
    again = (tmp_path / "workspace/fusion/SKILL.md").read_text()
    assert "Nothing is active yet: 1 candidate, 1 retired." in again
    assert again.count("Words about domain_knowledge.") == 1


def test_the_history_is_bounded(hub, apply, record, monkeypatch, tmp_path):
    monkeypatch.setattr(revisions_, "HISTORY", 5)
    for n in range(12):
        apply(hub, record(supports=(f"a/{n}",)), run=f"r{n}")
    kept = log(hub)
    assert [entry.run for entry in kept] == ["r7", "r8", "r9", "r10", "r11"]
    folder = tmp_path / "workspace/.revisions/fusion"
    assert {path.name for path in folder.iterdir()} - {"lock"} == {
        "log.toml",
        *(entry.revision for entry in kept),
    }
    assert verify(hub.shelf("fusion")).problems == ()


def test_who_waits_too_long_for_the_lock_is_told(hub, apply, record, monkeypatch):
    monkeypatch.setattr(revisions_, "PATIENCE", 0.05)
    with (
        hub.shelf("fusion").revisions.writing(),
        pytest.raises(UsageError, match="locked by another process"),
    ):
        apply(hub, record())


@pytest.mark.parametrize(
    ("name", "message"), [("log.toml", "log.toml is damaged"), ("REVISION", "do not have the hash")]
)
def test_damage_is_told_with_the_file(hub, apply, record, tmp_path, name, message):
    apply(hub, record())
    name = name.replace("REVISION", f"{hub.load('fusion').revision}/SKILL.md")
    (tmp_path / "workspace/.revisions/fusion" / name).write_text("[[entry]]\nrevision = 3")
    with pytest.raises(UsageError, match=message):
        hub.load("fusion")
    (problem,) = verify(hub.shelf("fusion")).problems
    assert message in problem
    assert message in hub.listing()[0].problem


# --- many at once ---

PROCESSES, EACH = 4, 8


def _write_many(root, writer, record, score):
    hub = Skillhub([root / "seeds"], root / "workspace")
    for n in range(EACH):
        experiment = f"run-{writer}/{n}"
        shared = record(supports=(experiment,), scored=(score(experiment, gained=0.25, lost=0.5),))
        told = SkillRevision("fusion", (shared, record(f"own-{writer}-{n}")), f"{writer}-{n}")
        hub.apply(told, run=f"run-{writer}", when=DAY)


def test_runs_that_write_at_once_lose_nothing(hub, tmp_path, record, score):
    writers = [fork.Process(target=_write_many, args=(tmp_path, n, record, score)) for n in range(PROCESSES)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        hub.load("fusion")  # a reader never sees half of a write
        for writer in writers:
            writer.join(0.02)
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    shared, *own = hub.load("fusion").knowledge
    every = {f"run-{w}/{n}" for w in range(PROCESSES) for n in range(EACH)}
    assert set(shared.supports) == every
    assert {one.id for one in own} == {f"own-{w}-{n}" for w in range(PROCESSES) for n in range(EACH)}
    assert shared.harmful == len(every)
    assert sum(s.gained for s in shared.scored) + shared.gained == 0.25 * len(every)
    assert sum(s.lost for s in shared.scored) + shared.lost == 0.5 * len(every)
    assert sorted(entry.why for entry in log(hub)[1:]) == sorted(
        f"{w}-{n}" for w in range(PROCESSES) for n in range(EACH)
    )
    assert verify(hub.shelf("fusion")).problems == ()


def test_a_reader_whom_a_writer_overtakes_reads_again(hub, apply, record, monkeypatch):
    apply(hub, record())
    shelf, read = hub.shelf("fusion"), Shelf._content

    def overtaken(self, log):
        found = read(self, log)
        monkeypatch.setattr(Shelf, "_content", read)
        apply(hub, record("new"))
        return found

    monkeypatch.setattr(Shelf, "_content", overtaken)
    assert [known.id for known in shelf.content().knowledge.records] == ["w_like", "new"]


# --- killed between any two steps ---


def _killed_at(step, hub, revision, replace=os.replace):
    """Write the revision, and die by kill -9 before or after the n-th file is put into its place."""
    steps = iter(range(1000))

    def replace_or_die(*paths):
        for work in (lambda: None, lambda: replace(*paths)):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            work()

    os.replace = replace_or_die
    hub.apply(revision, run="b", when=DAY)


@pytest.mark.slow
def test_a_write_that_is_killed_at_any_step_is_done_by_repeating_it(
    tmp_path, write_skill, apply, record, files
):
    first, then = record(supports=("a/1",)), record("new", supports=("b/1",))
    revision = SkillRevision("fusion", (then,), "because")

    def fresh(name, learnt):
        write_skill(tmp_path / name / "seeds", "fusion")
        hub = Skillhub([tmp_path / name / "seeds"], tmp_path / name / "workspace")
        if learnt:
            apply(hub, first)
        return hub

    for learnt in (False, True):
        undisturbed = fresh(f"undisturbed-{learnt}", learnt)
        before = undisturbed.load("fusion")
        undisturbed.apply(revision, run="b", when=DAY)
        expected = files(tmp_path / f"undisturbed-{learnt}" / "workspace")
        killed = 0
        for step in range(100):
            hub = fresh(f"{learnt}-{step}", learnt)
            writer = fork.Process(target=_killed_at, args=(step, hub, revision))
            writer.start()
            writer.join(30)
            assert hub.load("fusion") in (before, undisturbed.load("fusion"))
            assert verify(hub.shelf("fusion")).problems == ()
            hub.apply(revision, run="b", when=DAY)
            assert files(tmp_path / f"{learnt}-{step}" / "workspace") == expected
            if writer.exitcode == 0:
                break
            assert writer.exitcode == -signal.SIGKILL
            killed += 1
        assert killed >= 8


def test_two_writers_that_are_killed_one_after_the_other_lose_nothing(tmp_path, write_skill, apply, record):
    revisions = [
        SkillRevision("fusion", (record(id, supports=("b/1",)),), "because") for id in ("one", "other")
    ]
    for first in range(1, 13, 3):
        for second in range(0, 13, 3):
            root = tmp_path / f"{first}-{second}"
            write_skill(root / "seeds", "fusion")
            hub = Skillhub([root / "seeds"], root / "workspace")
            apply(hub, record())
            for step, revision in zip((first, second), revisions, strict=True):
                writer = fork.Process(target=_killed_at, args=(step, hub, revision))
                writer.start()
                writer.join(30)
            for revision in revisions:
                hub.apply(revision, run="b", when=DAY)
            assert {known.id for known in hub.load("fusion").knowledge} == {"w_like", "one", "other"}
            assert [entry.author for entry in log(hub)] == ["seed", "a", "b", "b"]
            assert verify(hub.shelf("fusion")).problems == ()


def test_what_an_earlier_version_left_in_the_workspace_is_taken_up(tmp_path, write_skill, apply, record):
    write_skill(tmp_path / "seeds", "fusion", initial="[initial_values]\na = 1")
    write_skill(
        tmp_path / "workspace", "fusion", knowledge=knowledge_to_toml(Knowledge((record(supports=("a/1",)),)))
    )
    hub = Skillhub([tmp_path / "seeds"], tmp_path / "workspace")
    assert hub.load("fusion").initial_values == {"a": 1.0}
    apply(hub, record(supports=("b/1",)))
    assert hub.load("fusion").knowledge[0].supports == ("a/1", "b/1")
    assert [entry.author for entry in log(hub)] == ["by hand", "a"]
    text = (tmp_path / "workspace/fusion/assets/knowledge.toml").read_text()
    assert knowledge_from_toml(text, "").records == hub.load("fusion").knowledge
