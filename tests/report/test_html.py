"""The page: well-formed, self-contained, readable by everybody, and text stays text."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
import vl_convert
from hostile import ESCAPES, PAYLOAD, hostile
from pages import Read

from rectune_dsl.hooks.api import Config, ModelCall
from rectune_dsl.report.charts.drawings import DRAWINGS
from rectune_dsl.report.charts.spec import spec_of
from rectune_dsl.report.facts.comparison import comparison
from rectune_dsl.report.facts.gather import facts
from rectune_dsl.report.html.body import body
from rectune_dsl.report.html.file import html_file
from rectune_dsl.report.pages import compared, world
from rectune_dsl.report.pages.run import page

CALL = ModelCall("k", "round-1/propose", "actor", "planted", "m-1", "answered", 100, 10, 0.5, 1.0)
SECTIONS = ["verdict", "arms", "progress", "tradeoffs", "params", "mechanics", "slates", "timeline"]
SECTIONS += ["predictions", "skills", "cost", "provenance"]


@pytest.fixture(scope="module")
def found(simulated):
    old = simulated.view.recommendation
    told = replace(old, config=Config({"w_long": 5.0}), is_production=False)
    return page(simulated.facts(slates=True, calls=(CALL,), recommendation=told))


@pytest.fixture(scope="module")
def read(found):
    return Read(html_file(found))


def test_it_is_well_formed_and_every_id_is_its_own(read):
    assert read.mistakes == []
    ids = [attrs["id"] for _, attrs in read.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"] for attrs in read.all("a")} == {f"#{name}" for name in SECTIONS}
    assert set(SECTIONS) <= set(ids)


def test_it_asks_nothing_of_any_network(read):
    for tag, attrs in read.elements:
        assert "src" not in attrs
        assert tag not in ("link", "iframe", "img", "object", "form")
        assert attrs.get("href", "#").startswith("#")


def test_its_policy_allows_its_own_style_and_scripts_and_nothing_else(found):
    text = html_file(found)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#39;", "'")
    blocks = re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", text, re.DOTALL)
    digests = [hashlib.sha256("".join(block).encode()).digest() for block in blocks]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    assert policy == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src {hashes[0]}; script-src {' '.join(hashes[1:])}"
    )


def test_nothing_in_its_body_is_executed_or_styled_inline(found):
    for tag, attrs in Read(body(found)).elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert tag != "style"
        assert tag != "script" or attrs["type"] == "application/json"


def test_headings_go_down_one_by_one_below_one_title(read):
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    steps = zip(read.headings, read.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)


def test_tables_have_captions_and_their_heads_a_scope(read):
    assert len(read.all("caption")) == len(read.all("table")) > 10
    assert {attrs.get("scope") for attrs in read.all("th")} == {"row", "col"}


def test_landmarks_and_language_are_there(read):
    assert read.all("html") == [{"lang": "en"}]
    for tag in ("header", "nav", "main", "footer"):
        assert len(read.all(tag)) == 1
    assert all(attrs["aria-labelledby"] == f"title-{attrs['id']}" for attrs in read.all("section"))


def test_every_chart_is_told_in_words_and_in_numbers(found, read):
    places = [attrs for attrs in read.all("div") if attrs.get("class") == "chart"]
    assert {attrs["id"] for attrs in places} == set(read.charts)
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 40 for attrs in places)
    figures = found.figures()
    assert len(figures) == len(read.all("figure")) == 7
    assert all(figure.table.rows for figure in figures)


def test_every_panel_can_be_drawn_and_shows_its_rows(found):
    for figure in found.figures():
        for panel in figure.panels:
            svg = vl_convert.vegalite_to_svg(json.dumps(spec_of(panel)))
            marks = svg.count('role="graphics-symbol"')
            assert panel.rows
            assert marks >= len({row["name"] for row in panel.rows}), (figure.name, panel.title)
            if panel.drawing == "intervals":
                assert all(f">{row['name']}<" in svg for row in panel.rows)


def test_every_drawing_is_used(found, simulated, described):
    told = simulated.facts()
    pages = (found, compared.page(comparison([simulated.task] * 2, [told, told])))
    used = {panel.drawing for one in pages for figure in one.figures() for panel in figure.panels}
    assert used | {panel.drawing for panel in world.panels(described)} == set(DRAWINGS)


def test_text_from_outside_stays_text(simulated):
    view = hostile(replace(simulated.view, calls=(CALL,)))
    task = simulated.task.model_copy(
        update={"task": simulated.task.task.model_copy(update={"about": PAYLOAD})}
    )
    text = body(page(facts(task, view)))
    read = Read(text)
    assert read.mistakes == []
    assert not read.all("img")
    assert all(not name.startswith("on") for _, attrs in read.elements for name in attrs)
    assert not set(ESCAPES.replace("[31m", "")) & set(text)
    told = read.text
    for words in (view.run, view.rounds[0].proposals[0].hypothesis.statement, view.header.seed):
        assert str(words).split("<")[0] in told
    assert "onerror=alert(1)" in told
    assert "{{7*7}}" in told
    assert all("<" not in script and "\u2028" not in script for script in read.scripts)
    assert any("onerror=alert(1)" in json.dumps(chart) for chart in read.charts.values())
