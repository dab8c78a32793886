"""What stands at axes, in captions and in keys, as it is drawn."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import vl_convert

from rectune_dsl.report.charts.spec import spec_of
from rectune_dsl.report.pages.blocks import Panel
from rectune_dsl.report.pages.ends import verdict
from rectune_dsl.report.pages.progress import progress
from rectune_dsl.report.pages.run import page
from rectune_dsl.report.pages.tradeoffs import tradeoffs
from rectune_dsl.report.tables import Table


def named(panel, width):
    """The labels of the x axis that can be seen."""
    svg = vl_convert.vegalite_to_svg(json.dumps({**spec_of(panel), "width": width}))
    labels = svg.split("role-axis-label")[1].split("role-axis-title")[0]
    texts = re.findall(r"<text([^>]*)>([^<]*)</text>", labels)
    return [text.replace("\N{MINUS SIGN}", "-") for looks, text in texts if 'opacity="0"' not in looks]


@pytest.mark.parametrize("width", [200, 400, 900, 1400])
@pytest.mark.parametrize("rounds", [1, 2, 3, 12, 30])
def test_rounds_are_whole_and_named_once(rounds, width):
    rows = tuple({"name": "a", "x": float(n), "value": float(n)} for n in range(1, rounds + 1))
    looks = {"y": "U, %", "names": "a", "rounds": rounds}
    found = list(map(int, named(Panel("", "campaigns", rows, looks), width)))
    assert found == sorted(set(found))
    assert set(found) <= set(range(1, rounds + 1))
    assert rounds > 3 or len(found) == rounds


@pytest.mark.parametrize("width", [150, 250, 400, 800])
@pytest.mark.parametrize("values", [(3.0, 20.0), (-3.0, -20.0), (-33.0, 41.0), (-12.0, 1.0), (120.0, -8.0)])
def test_the_axis_of_changes_names_0(values, width):
    rows = tuple({"name": str(at), "value": value} for at, value in enumerate(values))
    found = named(Panel("", "changes", rows, {"x": "change, %", "rows": 2}), width)
    assert 0.0 in map(float, found)


def test_a_mark_is_in_the_key_only_where_it_is_drawn(planted):
    facts = planted.facts()
    (figure,) = tradeoffs(facts)
    roles = {row["role"] for panel in figure.panels for row in panel.rows}
    assert ("▲" in figure.key) == ("recommended" in roles)
    tested = dict(facts.arms[0].config)
    params = tuple(replace(p, recommended=tested[p.name]) for p in facts.params)
    (figure,) = tradeoffs(replace(facts, params=params))
    assert "▲ recommended" in figure.key


def test_control_is_drawn_at_its_level_where_a_guardrail_is_absolute(plant):
    task = (Path(__file__).parents[1] / "workflow" / "planted.toml").read_text()
    facts = plant(task.replace('harm = "<= +2%"', 'harm = "<= 1.02"')).facts()
    (figure,) = tradeoffs(facts)
    (control,) = (row for panel in figure.panels for row in panel.rows if row["role"] == "control")
    assert control["x"] == 0.0
    assert control["y"] == pytest.approx(1.0, abs=0.01)  # as it is planted
    unknown = tuple(replace(round, control={}) for round in facts.rounds)
    (figure,) = tradeoffs(replace(facts, rounds=unknown))
    assert "control" not in {row["role"] for panel in figure.panels for row in panel.rows}
    assert "control" not in figure.key


def test_the_verdict_explains_what_its_table_is_in(planted):
    facts = planted.facts()
    blocks = verdict(facts)
    text = " ".join(getattr(block, "text", "") or getattr(block, "note", "") for block in blocks)
    assert "U is the weighted sum of lifts" in text
    assert f"one-sided at the level {facts.end.alpha:.2g}" in text
    assert any(f"`rectune abort {planted.run} --why TEXT`" in said for said in facts.end.next)


def test_no_caption_breaks_at_its_plus_minus(planted):
    captions = [t.title for section in page(planted.facts()).sections for t in _tables(section.blocks)]
    assert any("±" in caption for caption in captions)
    assert not any("± " in caption for caption in captions)


def test_one_round_is_one_round(planted):
    facts = planted.facts(rounds=planted.view.rounds[:1])
    assert progress(facts)[0].text.startswith("After 1 round the best U")


def _tables(blocks):
    for block in blocks:
        if isinstance(block, Table):
            yield block
        else:
            yield from _tables(getattr(block, "blocks", ()))
            yield from _tables([block.table] if hasattr(block, "table") else [])
