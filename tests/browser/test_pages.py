"""Pages in a real browser: nothing in them runs, they fit a phone, a thousand arms are there at once."""

import os
import time
from pathlib import Path
from statistics import median

import pytest
from copies import ROUNDS, hostile_copy, long_copies
from hostile import PAYLOAD

from rectune_dsl.memory.journal import Journal

TESTS = Path(__file__).parents[1]
TASK = (TESTS / "workflow" / "planted.toml").read_text()
AXE = Path(os.environ.get("RECTUNE_AXE", TESTS.parent / ".venv-browser/package/axe.min.js"))
SECONDS = 2.0
"""In which the list of a hundred runs, and a run of a thousand arms, have to be there."""


@pytest.fixture
def store(project):
    """Two runs on record: one that asks, one that shipped."""
    ask = '\n[approval]\nmode = "ask"\n'
    for words in (["--yes"], ["--until", "waiting"]):
        (project.folder / "task.toml").write_text(TASK + ask)
        assert project.start("run", "task.toml", *words, real_traffic=False).wait(60) == 0
    return Journal(str(project.folder / ".rectune/journal.sqlite"))


@pytest.fixture
def shown(store, project, tabs):
    """`shown(...)` is a tab of a new browser with a session, and the paths of every kind of page."""
    skill = project.folder / "skills" / "fusion"
    skill.mkdir(parents=True)
    slots = ("Context", "Requirement", "North star", "Initial config", "Domain knowledge", "Tools")
    page = "".join(f"## {slot}\n\nWords.\n" for slot in slots)
    (skill / "SKILL.md").write_text(f"---\nname: fusion\ndescription: Fuses heads.\n---\n\n{page}")
    runs = [f"/runs/{row.run}" for row in store.runs()]

    def new(**options):
        tab = tabs(**options).opened(project.console())
        return tab, ["/", *runs, "/skills", "/skills/fusion"]

    return new


def test_what_others_wrote_runs_nowhere(store, project, tabs):
    names = [row.run for row in store.runs()]
    hostile_copy(store, names, str(project.folder / "hostile.sqlite"))
    tab = tabs().opened(
        project.console("--store", "hostile.sqlite", "--by", "ada" + PAYLOAD.split("\u2028")[0])
    )
    page = tab.page
    links = page.locator("tbody a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert len(links) == 2
    for link in links:
        tab.go(link)
        tab.drawn()
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.locator("main img").count() == 0
        assert "onerror=alert(1)" in page.locator("main").inner_text()
    why = page.get_by_label("Why", exact=True).last
    why.fill(PAYLOAD.split("\u2028")[0])
    page.get_by_role("button", name="Abort").click()
    assert page.locator("main img").count() == 0  # that no dialog came is looked at in the end


def test_slates_are_shown_where_they_were_asked_for(store, project, tabs):
    shipped = store.runs()[-1].run
    tab = tabs().opened(project.console(real_traffic=False, panel=True))
    tab.go(f"/runs/{shipped}")
    tab.page.get_by_role("button", name="Ask the backend").click()
    tab.see("of the first 10 items")
    tab.drawn()
    assert tab.page.url.endswith("#slates")
    assert tab.page.locator("#figure-slates svg").count() == 2
    assert tab.page.get_by_role("button", name="Ask the backend").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_pages_fit_and_are_accessible(shown, scheme, width):
    if not AXE.exists():
        pytest.skip("axe-core is not there: make test-browser")
    tab, paths = shown(color_scheme=scheme, viewport={"width": width, "height": 900})
    problems = {}
    for path in paths:
        tab.go(path)
        tab.drawn()
        tab.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, path
        tab.page.evaluate(AXE.read_text())
        found = tab.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        problems[path] = [(rule["id"], rule["nodes"][0]["target"]) for rule in found]
    assert not any(problems.values()), problems


def test_a_hundred_runs_of_a_thousand_arms_are_there_at_once(project, tabs):
    short = TASK.replace("rounds = 2", "rounds = 1").replace("arms = 3", f"arms = {1000 // ROUNDS}")
    (project.folder / "task.toml").write_text(short)
    words = ("run", "task.toml", "--yes", "--agent", "actor=random", "--agent", "critic=none")
    assert project.start(*words, real_traffic=False).wait(60) == 0
    journal = Journal(str(project.folder / ".rectune/journal.sqlite"))
    run = journal.runs()[0].run
    long = long_copies(journal, run, str(project.folder / "long.sqlite"), 100)
    tab = tabs().opened(project.console("--store", "long.sqlite"))
    tab.go(f"/runs/{run}-000")  # by now what draws charts was put together, and the browser has it
    tab.drawn()
    assert tab.page.locator("#provenance").is_visible()
    assert "1,000" in tab.page.locator("#arms").inner_text()
    assert len(long.runs()) == 100
    paths = {"list": ["/"], "asked for": ["/?state=finished&page=2"]}
    paths["run"] = [f"/runs/{run}-{number:03}" for number in (1, 2, 3)]  # each is new to the console
    usual = {name: median(seconds(tab, path) for path in told) for name, told in paths.items()}
    assert max(usual.values()) < SECONDS, usual


def seconds(tab, path):
    """How long a page takes until it is loaded and its charts are drawn."""
    began = time.monotonic()
    tab.go(path)
    tab.drawn()
    return time.monotonic() - began
