"""Skills in a browser: what they know on what evidence, what changed, and the way back."""

import re

import pytest
from hostile import PAYLOAD

from rectune_dsl.hooks.api import KnowledgeRecord, Scope, SkillRevision
from rectune_dsl.skillhub import curate
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.shelf import Stamp
from rectune_dsl.workflow.clock import utc_now

SLOTS = ("Context", "Requirement", "North star", "Initial config", "Domain knowledge", "Tools")
PAGE = "---\nname: {name}\ndescription: Fuses heads.\n---\n\n" + "\n".join(
    f"## {slot}\n\nWords on {slot}.\n" for slot in SLOTS
)


def learn(hub, statement, supports=("run-1/round-1",), why="it was seen"):
    record = KnowledgeRecord("w_like", statement, Scope(), "candidate", None, supports, (), "numeric")
    hub.apply(SkillRevision("fusion", (record,), why), run="run-1", when=utc_now())


@pytest.fixture
def hub(tmp_path):
    """Where `fusion` was learnt in two steps."""
    (tmp_path / "skills/fusion").mkdir(parents=True)
    (tmp_path / "skills/fusion/SKILL.md").write_text(PAGE.format(name="fusion"))
    made = Skillhub((tmp_path / "skills",), tmp_path / ".rectune" / "skills")
    learn(made, "More likes.")
    learn(made, "Fewer likes.", ("run-1/round-1", "run-1/round-2"))
    return made


@pytest.fixture
def browser(hub, served):
    return served.browser()


@pytest.fixture
def imported(hub, tmp_path):
    """A skill that nobody has activated."""
    (tmp_path / "archive.zip").write_bytes(curate.hand_on(hub.shelf("fusion")))
    curate.take_in(hub, tmp_path / "archive.zip", Stamp("bob", utc_now(), "looks good"), "borrowed")
    return "/skills/borrowed"


def log(hub, name="fusion"):
    return hub.shelf(name).revisions.log()


def test_the_list_tells_what_each_is_for(browser, imported):
    page = browser.get("/skills").page
    assert "Fuses heads." in page.text
    assert "1 candidate" in page.text
    assert "not activated" in page.text
    assert {"/skills/fusion", "/skills/borrowed"} <= {a["href"] for a in page.all("a")}


def test_a_skill_that_cannot_be_read_is_listed_with_the_reason(browser, tmp_path):
    (tmp_path / "skills/broken").mkdir()
    (tmp_path / "skills/broken/SKILL.md").write_text("nothing")
    assert "broken" in browser.get("/skills").page.text
    answer = browser.get("/skills/broken")
    assert answer.status == 409
    assert "SKILL.md" in answer.page.text


def test_a_skill_is_shown_with_its_records_their_evidence_and_its_history(browser, hub):
    page = browser.get("/skills/fusion").page
    for words in (
        *(f"Words on {slot}." for slot in SLOTS),
        "Fewer likes. (candidate; 2 experiments)",
        "run-1/round-1, run-1/round-2",
        "run run-1",
        "it was seen",
    ):
        assert words in page.text
    assert page.text.count(log(hub)[-1].revision[:12]) >= 2


def test_two_revisions_are_compared(browser, hub):
    seed, first, newest = (entry.revision for entry in log(hub))
    page = browser.get("/skills/fusion/difference").page.text
    assert '-statement = "More likes."' in page
    assert '+statement = "Fewer likes."' in page
    assert browser.get(f"/skills/fusion/difference?old={first}&new={newest}").page.text == page
    back = browser.get(f"/skills/fusion/difference?old={newest}&new={first}").page.text
    assert '+statement = "More likes."' in back
    assert "They do not differ" in browser.get(f"/skills/fusion/difference?old={seed}&new={seed}").page.text
    for nonsense in ("x", "..%2f..%2f", "0" * 64):
        assert browser.get(f"/skills/fusion/difference?old={nonsense}").status == 409


def test_a_rollback_is_in_the_log_with_who_and_why(browser, hub):
    first = log(hub)[1].revision
    said = browser.send("/skills/fusion/rollback", revision=first, why="the newer one misled")
    assert f"fusion is at revision {first[:12]}." in said.page.text
    last = log(hub)[-1]
    assert (last.revision, last.author, last.why) == (first, "ada", "the newer one misled")
    assert hub.load("fusion").knowledge[0].statement == "More likes."
    assert len(log(hub)) == 4


def test_a_rollback_needs_a_reason_and_keeps_what_was_chosen(browser, hub):
    before, first = log(hub), log(hub)[0].revision
    said = browser.send("/skills/fusion/rollback", revision=first, why=" ")
    assert said.status == 422
    assert "Say why" in said.page.text
    (field,) = (a for a in said.page.all("textarea") if a.get("aria-invalid"))
    assert "required" in field
    (chosen,) = re.findall(r'<option value="(\w+)" selected>', said.text.partition('name="revision"')[2])
    assert chosen == first
    assert log(hub) == before


def test_a_rollback_to_nowhere_is_told_of(browser, hub):
    before = log(hub)
    for revision in ("", "x", "../../etc"):
        said = browser.send("/skills/fusion/rollback", revision=revision, why="it misled")
        assert "Not done: no revision of skill" in said.page.text
    assert log(hub) == before


def test_an_imported_skill_is_activated_for_a_reason(browser, hub, imported):
    page = browser.get(imported).page.text
    assert "none of its records counts" in page
    said = browser.send(f"{imported}/activate", why=" ")
    assert said.status == 422
    assert "Say why" in said.page.text
    assert not hub.load("borrowed").trusted
    said = browser.send(f"{imported}/activate", why="I know who wrote it")
    assert "borrowed is active, by ada." in said.page.text
    assert hub.load("borrowed").trusted
    assert (log(hub, "borrowed")[-1].author, log(hub, "borrowed")[-1].why) == ("ada", "I know who wrote it")
    again = browser.send(f"{imported}/activate", why="again")
    assert "is trusted already" in again.page.text


def test_what_agents_and_people_wrote_stays_text(browser, hub):
    learn(hub, "Likes " + PAYLOAD, why="since " + PAYLOAD)
    browser.send("/skills/fusion/rollback", revision=log(hub)[1].revision, why="because " + PAYLOAD)
    browser.send("/skills/fusion/rollback", revision=log(hub)[-2].revision, why="x")
    for path in ("/skills", "/skills/fusion", "/skills/fusion/difference"):
        page = browser.get(path).page
        assert page.mistakes == []
        assert not page.all("img")
    assert "onerror=alert(1)" in browser.get("/skills/fusion").page.text
    assert not re.search(r"<img|<!--", browser.get("/skills/fusion").text)
