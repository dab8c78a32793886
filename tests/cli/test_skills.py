"""`rectune skills`: what a person sees and does."""

import json
import re
import zipfile

import pytest
from skills_ref.validator import validate

from rectune_dsl.hooks.api import KnowledgeRecord, Scope, SkillRevision
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.workflow.clock import utc_now

PAGE = "---\nname: fusion\ndescription: Fuses heads.\n---\n\n" + "\n".join(
    f"## {slot}\n\nWords.\n"
    for slot in ("Context", "Requirement", "North star", "Initial config", "Domain knowledge", "Tools")
)


def learn(folder, statement="More likes.", supports=("run-1/round-1",), **changes):
    hub = Skillhub([folder / "skills"], folder / ".rectune/skills")
    record = KnowledgeRecord("w_like", statement, Scope(), "candidate", None, supports, (), "numeric")
    hub.apply(SkillRevision("fusion", (record,), "it was seen"), run="run-1", when=utc_now(), **changes)


@pytest.fixture
def learnt(tmp_path):
    (tmp_path / "skills/fusion").mkdir(parents=True)
    (tmp_path / "skills/fusion/SKILL.md").write_text(PAGE)
    learn(tmp_path)
    return tmp_path


def revisions(out):
    """The hashes that a log shows, the newest first."""
    return re.findall(r"^\W*([0-9a-f]{12})", out, re.MULTILINE)


def test_a_skill_is_shown_with_its_records_and_who_wrote_them(rectune, learnt):
    shown = rectune("skills", "show", "fusion")
    assert shown.code == 0
    for words in (
        "Fuses heads.",
        "- More likes. (candidate; 1 experiment)",
        "id: w_like",
        "numeric, run run-1",
    ):
        assert words in shown.out


def test_the_log_the_difference_and_the_way_back(rectune, learnt):
    learn(learnt, "Fewer likes.", ("run-1/round-1", "run-1/round-2"))
    log = rectune("skills", "log", "fusion").out
    newest, first, seed = revisions(log)
    assert "run run-1" in log
    assert "it was seen" in log
    diff = rectune("skills", "diff", "fusion").out
    assert '-statement = "More likes."' in diff
    assert '+statement = "Fewer likes."' in diff
    assert rectune("skills", "diff", "fusion", first).out == diff
    assert '+statement = "More likes."' in rectune("skills", "diff", "fusion", newest, first).out
    back = rectune("skills", "rollback", "fusion", first, "--by", "ada", "--why", "it was noise")
    assert back.out == f"fusion is at revision {first}\n"
    assert "More likes." in rectune("skills", "show", "fusion").out
    after = rectune("skills", "log", "fusion").out
    assert revisions(after) == [first, newest, first, seed]
    assert "it was noise" in after


def test_a_skill_goes_from_one_workspace_to_another(rectune, learnt, monkeypatch):
    made = rectune("skills", "export", "fusion", "--out", "fusion.zip")
    assert made.code == 0
    other = learnt / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    taken = rectune("skills", "import", "../fusion.zip", "--as", "theirs", "--by", "bob")
    assert "not trusted yet" in taken.out
    assert "(not activated)" in rectune("skills").out
    assert "none of its records counts" in rectune("skills", "show", "theirs").out
    assert rectune("skills", "activate", "theirs").code == 2  # who trusts says why
    assert rectune("skills", "activate", "theirs", "--why", "I read it", "--by", "bob").code == 0
    assert "(not activated)" not in rectune("skills").out
    assert validate(other / ".rectune/skills/theirs") == []
    rectune("skills", "export", "theirs", "--out", "again.zip")
    with zipfile.ZipFile("again.zip") as archive:
        assert archive.namelist() == ["theirs/SKILL.md", "theirs/assets/knowledge.toml"]


def test_what_an_archive_holds_beside_a_skill_is_left_out_with_a_notice(rectune, learnt):
    rectune("skills", "export", "fusion", "--out", "fusion.zip")
    with zipfile.ZipFile("fusion.zip", "a") as archive:
        archive.writestr("fusion/scripts/install.sh", "touch /tmp/owned")
    taken = rectune("skills", "import", "fusion.zip", "--as", "theirs")
    assert taken.code == 0
    assert "left out of theirs: scripts/install.sh" in taken.err
    assert not list((learnt / ".rectune").rglob("install.sh"))


def test_single_records_are_set_by_a_person(rectune, learnt):
    on = rectune("skills", "activate", "fusion", "--record", "w_like", "--why", "sure", "--by", "ada")
    assert on.out == "fusion: w_like is active, by ada\n"
    assert "active: sure (said by ada)" in rectune("skills", "show", "fusion").out
    off = rectune("skills", "retire", "fusion", "w_like", "--why", "no more", "--by", "ada")
    assert off.out == "fusion: w_like is retired, by ada\n"
    assert "(1 refused" not in rectune("skills", "log", "fusion").out
    learn(learnt, "As before.")
    assert "(1 refused:" in rectune("skills", "log", "fusion").out


def test_verify_tells_what_is_sound_and_what_is_not(rectune, learnt):
    good = rectune("skills", "verify")
    assert (good.code, good.out) == (0, "fusion: sound (2 revisions, 1 record)\n")
    page = learnt / ".rectune/skills/fusion/SKILL.md"
    page.write_text(page.read_text().replace("Words.", "Better words.", 1))
    assert "SKILL.md was edited by hand" in rectune("skills", "verify", "fusion").out
    newest = revisions(rectune("skills", "log", "fusion").out)[0]
    (kept,) = (learnt / ".rectune/skills/.revisions/fusion").glob(f"{newest}*/assets/knowledge.toml")
    kept.write_text(kept.read_text().replace("More", "Less"))
    bad = rectune("skills", "verify", "fusion")
    assert bad.code == 2
    assert "not sound" in bad.out
    assert "do not have the hash" in bad.out


def test_what_scripts_are_told_is_what_people_are(rectune, learnt):
    listed = json.loads(rectune("skills", "--json").out)["skills"]
    assert "fusion" in [one["name"] for one in listed]
    shown = json.loads(rectune("skills", "show", "fusion", "--json").out)
    assert f"revision {shown['revision'][:12]}" in rectune("skills", "show", "fusion").out
    newest, *_ = json.loads(rectune("skills", "log", "fusion", "--json").out)["revisions"]
    assert newest["revision"] == shown["revision"]
    misplaced = rectune("skills", "--json", "log", "fusion")
    assert (misplaced.code, "skills log --json" in misplaced.err) == (2, True)


@pytest.mark.parametrize("verb", ["", "show", "log", "diff"])
def test_nothing_that_was_written_into_a_skill_moves_the_cursor(rectune, learnt, verb):
    nasty = "a\x1b[2Jb\u202ec\x07"
    page = learnt / ".rectune/skills/fusion/SKILL.md"
    page.write_text(page.read_text().replace("Words.", nasty, 1))
    learn(learnt, nasty, ("run-1/round-1", f"run-1/{nasty}"))
    shown = rectune("skills", *([verb, "fusion"] if verb else []))
    assert shown.code == 0
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown.out)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["show", "fusoin"], "did you mean `fusion`?"),
        (["rollback", "fusion", "123zzz"], "no revision of skill 'fusion' begins with '123zzz'"),
        (["retire", "fusion", "w_lik", "--why", "x"], "did you mean `w_like`?"),
        (["activate", "fusion", "--why", "x"], "trusted already"),
        (["import", "absent.zip"], "cannot be read"),
        (["export", "fusion", "--out", "no/such/folder.zip"], "there is no folder"),
    ],
)
def test_what_goes_wrong_is_said(rectune, learnt, args, words):
    result = rectune("skills", *args)
    assert result.code == 2
    assert words in result.err
