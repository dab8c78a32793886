"""Pages: well-formed, readable by everybody, without anything inline; and text from outside stays text."""

import json

import pytest
from copies import hostile_copy
from hostile import ESCAPES, PAYLOAD

from rectune_dsl.ui.assets import assets

SKILL = """---
name: feed-taste
description: {text}
---
## Context
{text}
## Requirement
{text}
## North star
{text}
## Initial config
{text}
## Domain knowledge
{text}
## Tools
{text}
"""


def skill(folder, text="Likes fresh items."):
    place = folder / "skills" / "feed-taste"
    place.mkdir(parents=True)
    (place / "SKILL.md").write_text(SKILL.format(text=text), encoding="utf-8")


@pytest.fixture
def pages(asking, finished, serve, tmp_path):
    """Every kind of page, by a word for it."""
    skill(tmp_path)
    browser = serve(asking.journal).browser()
    answer = f"{asking.path}/answer"
    return {
        "runs": browser.get("/"),
        "one that asks": browser.get(asking.path),
        "a finished one": browser.get(finished.path),
        "no reason": browser.send(answer, step="round-1/approve", answer="reject"),
        "asked back": browser.send(f"{asking.path}/abort", why="an incident"),
        "an outcome": browser.send(answer, step="round-1/approve", answer="approve", why="fine"),
        "skills": browser.get("/skills"),
        "a skill": browser.get("/skills/feed-taste"),
        "no difference": browser.get("/skills/feed-taste/difference"),
        "a problem": browser.get("/nowhere"),
    }


def test_they_are_well_formed_and_nothing_in_them_is_inline(pages):
    for name, answer in pages.items():
        page = answer.page
        assert page.mistakes == [], name
        ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
        assert len(ids) == len(set(ids)), name
        for tag, attrs in page.elements:
            assert tag not in ("style", "iframe", "object", "img")
            assert not [one for one in attrs if one.startswith("on") or one == "style"]
            assert (
                tag != "script"
                or attrs.get("type") == "application/json"
                or attrs["src"].startswith("/assets/")
            )


def test_they_have_a_title_landmarks_and_headings_in_order(pages):
    for name, answer in pages.items():
        page = answer.page
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("main")) == len(page.all("header")) == 1
        assert page.headings[0] == 1
        assert page.headings.count(1) == 1
        steps = list(zip(page.headings, page.headings[1:], strict=False))
        assert all(after <= before + 1 for before, after in steps), (name, page.headings)
        navs = [attrs["aria-label"] for attrs in page.all("nav")]
        assert len(navs) == len(set(navs)) >= 1
        assert page.all("a")[0] == {"class": "skip", "href": "#content"}


def test_every_field_has_a_label_and_every_label_a_field(pages):
    labelled = 0
    for name, answer in pages.items():
        page = answer.page
        shown = [a for a in page.all("input") if a.get("type") != "hidden"]
        fields = [a["id"] for a in (*shown, *page.all("textarea"), *page.all("select"))]
        assert sorted(fields) == sorted(a["for"] for a in page.all("label")), name
        assert all(a["type"] == "submit" for a in page.all("button"))
        labelled += len(fields)
    assert labelled == 10


def test_tables_have_captions_and_their_heads_a_scope(pages):
    for answer in pages.values():
        page = answer.page
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(attrs.get("scope") in ("row", "col") for attrs in page.all("th"))


def test_what_is_wrong_is_told_at_the_field(pages):
    page = pages["no reason"].page
    (field,) = (a for a in page.all("textarea") if a.get("aria-invalid"))
    assert field["id"] == "why-reject"
    assert [a for a in page.all("p") if a.get("id") == field["aria-describedby"]]
    assert page.all("body") == [{"data-live": ""}]  # news would hide it


def test_a_question_has_all_that_the_terminal_tells(pages):
    told = pages["one that asks"].page.text
    for words in (
        "asks to launch an experiment",
        "r1p1",
        "a 0.4 -> 0.59999, b 0.4 -> 0.59999",
        "Expected: r1p1: gain +0.00 % [-2.54 %, +2.54 %]",
        "risk not known: nothing was measured yet",
        "The risk to guardrails is not known: nothing was measured yet.",
        "20,000 users per arm and in control for 2 days, 0.8% of all users",
        "First served: Monday 2026-01-05",
        "If nobody answers: nothing is launched",
        "In words, by numeric",
        "For users:",
        "Rollback:",
    ):
        assert words in told


def test_a_finished_run_shows_its_report(pages):
    page = pages["a finished one"].page
    assert "It is finished." in page.text
    assert {"verdict", "arms", "timeline", "provenance"} <= {a.get("id") for a in page.all("section")}
    assert page.charts


def test_assets_are_kept_by_browsers_under_paths_that_change_with_them(served):
    stranger = served.stranger()
    for name, asset in assets().items():
        answer = stranger.get(asset.path)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == asset.kind
        assert answer.text == asset.read()
        assert stranger.get(asset.path.replace(name, f"x{name}")).status == 404
    assert "vegaEmbed" in answer.text


# --- text from outside -------------------------------------------------------------------------------


def is_text(answer):
    """Fails where some of the payload became anything else than text."""
    page = answer.page
    assert page.mistakes == []
    assert not page.all("img")
    assert all(not name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert all(not attrs.get("href", "").startswith("javascript") for attrs in page.all("a"))
    assert not set(ESCAPES.replace("[31m", "")) & set(answer.text)
    assert "{{7*7}}" in page.text or "{{7*7}}" in json.dumps(page.charts)
    assert all("<" not in script for script in page.scripts)


def test_names_notes_and_words_of_agents_stay_text(serve, asking, finished, tmp_path):
    names = (asking.name, finished.name)
    journal, _ = hostile_copy(asking.journal, names, str(tmp_path / "hostile.sqlite"))
    skill(tmp_path, "Likes " + PAYLOAD.replace("\x1b[31m\x07", ""))
    browser = serve(journal, by="ada" + PAYLOAD).browser()
    runs = browser.get("/")
    links = [a["href"] for a in runs.page.all("a") if a["href"].startswith("/runs/")]
    assert len(links) == len(names)
    for path in links:
        answer = browser.get(path)
        assert answer.status == 200
        is_text(answer)
    for answer in (runs, browser.get("/skills"), browser.get("/skills/feed-taste"), browser.get("/nowhere")):
        is_text(answer)
    is_text(browser.get("/?text=" + "%3Cimg%20src=x%20onerror=alert(1)%3E{{7*7}}"))


def test_what_people_write_stays_text(asking, serve):
    browser = serve(asking.journal, by="ada" + PAYLOAD).browser()
    is_text(browser.send(f"{asking.path}/abort", why="because " + PAYLOAD))
    is_text(
        browser.send(f"{asking.path}/answer", step="round-1/approve" + PAYLOAD, answer="approve", why=PAYLOAD)
    )
    is_text(browser.send(f"{asking.path}/answer", step="round-1/approve", answer="approve", why=PAYLOAD))
    is_text(browser.get(asking.path))
    is_text(browser.send(f"{asking.path}/abort", why="because " + PAYLOAD, confirmed="yes"))
    assert "onerror=alert(1)" in browser.get(asking.path).page.text
