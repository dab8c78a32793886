"""The picture of a world: it shows what was measured, all of it, and is written as what its name says."""

import json
import re
import struct
from collections import Counter
from dataclasses import replace
from heapq import nlargest
from itertools import pairwise
from xml.etree import ElementTree

import altair as alt
import pytest
import vl_convert

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.report.charts.spec import picture_of
from rectune_dsl.report.describe import as_json
from rectune_dsl.report.drawing import draw, drawable
from rectune_dsl.report.pages import world

PANELS = ("rates", "aucs", "reliability", "topics", "users", "concentration")


def spec_of(told):
    return picture_of(world.title(told), world.panels(told), columns=3, width=390, height=290)


def svg_of(spec):
    return vl_convert.vegalite_to_svg(json.dumps(spec, allow_nan=False))


def marks_of(svg):
    return Counter(re.findall(r'aria-roledescription="([^"]*)"', svg))


@pytest.fixture(scope="module")
def spec(described):
    return spec_of(described)


@pytest.fixture(scope="module")
def svg(spec):
    return svg_of(spec)


@pytest.fixture(scope="module")
def tree(described):
    """The same world, as `describe --json` tells it."""
    return json.loads(as_json(described))


@pytest.fixture(scope="module")
def rows(spec):
    """The data of each panel, as the picture holds them."""
    return {name: spec["datasets"][f"rows {at}"] for at, name in enumerate(PANELS)}


def by_kind(rows, x, y):
    kinds = dict.fromkeys(row["kind"] for row in rows)
    return {kind: {row[x]: row[y] for row in rows if row["kind"] == kind} for kind in kinds}


def test_its_rates_are_those_of_the_table_and_its_targets_those_of_the_world(rows, tree, described):
    drawn = by_kind(rows["rates"], "name", "value")
    for kind in ("random", "standard"):
        assert drawn[kind] == {name: pair[kind] for name, pair in tree["rates"].items()}
    targets = [(row["name"], row["value"]) for row in rows["rates"] if row["kind"] == "target"]
    assert ("click", 0.024) in targets
    per_exposure = [
        t for t in described.file.targets.values() if t.per == "exposure" and t.of in tree["rates"]
    ]
    assert sorted(targets) == sorted((t.of, v) for t in per_exposure for v in (t.random, t.standard) if v)


def test_its_heads_are_those_of_the_table(rows, tree):
    drawn = by_kind(rows["aucs"], "name", "value")
    for stage, heads in tree["heads"].items():
        assert drawn[stage] == {f"p_{name}": head["auc"] for name, head in heads.items()}
    curves = by_kind(rows["reliability"], "x", "y")
    assert list(curves) == [f"p_{name}" for name in tree["heads"]["ranking"]]
    for name, head in tree["heads"]["ranking"].items():
        assert list(curves[f"p_{name}"]) == head["true"]
        said = [true * factor for true, factor in curves[f"p_{name}"].items()]
        assert said == pytest.approx(head["said"])


def test_it_shows_the_largest_topics_in_percent(rows, tree):
    drawn = by_kind(rows["topics"], "name", "value")
    catalogue = tree["topics"]["catalogue"]
    for kind, shares in tree["topics"].items():
        assert drawn[kind] == {topic: pytest.approx(100 * shares[int(topic)]) for topic in drawn[kind]}
    largest = [catalogue[int(topic)] for topic in drawn["catalogue"]]
    assert largest == nlargest(20, catalogue)


def test_its_bins_count_users_by_their_own_rates(rows, tree, described):
    drawn = by_kind(rows["users"], "x", "y")
    for (kind, measured), (label, steps) in zip(described.both.items(), drawn.items(), strict=True):
        middle, ninth = (100 * tree["user_rates"][kind][name] for name in ("p50", "p90"))
        assert label == f"{kind}: p50 {middle:.1f} %, p90 {ninth:.1f} %"
        own = (100 * measured.own_rates()).tolist()
        for (low, share), (high, _) in list(pairwise(steps.items()))[:-1]:
            assert share == pytest.approx(100 * sum(low <= rate < high for rate in own) / len(own), abs=1e-9)
        assert list(steps.values())[-1] == 0  # nothing begins at the last edge


def test_its_curves_are_the_shares_of_the_most_exposed_items(rows, tree, described):
    for kind, measured in described.both.items():
        exposed = measured.tally.items.tolist()
        drawn = [row for row in rows["concentration"] if row["kind"].startswith(kind)]
        for row in drawn:
            most = nlargest(round(row["x"] * len(exposed) / 100), exposed)
            assert row["y"] == pytest.approx(100 * sum(most) / sum(exposed))
        assert drawn[-2]["x"] == 100
        top = 100 * tree["others"][kind]["top_1pct_share"]
        (marked,) = [row for row in drawn if "label" in row]
        assert (marked["x"], marked["y"], marked["label"]) == (1, pytest.approx(top), f"{top:.1f} %")
        assert marked["kind"] == f"{kind}: Gini {tree['others'][kind]['exposure_gini']:.2f}"


def test_every_row_is_drawn(rows, svg):
    topics = Counter(row["kind"] == "catalogue" for row in rows["topics"])
    points = sum(len(rows[name]) for name in ("rates", "aucs", "reliability")) + topics[False] + 2
    marks = marks_of(svg)
    assert (marks["point"], marks["bar"], marks["area mark"], marks["text mark"]) == (
        points,
        topics[True],
        2,
        2,
    )
    lines = len({row["name"] for row in rows["rates"]}) + 2 * len({row["name"] for row in rows["aucs"]})
    assert marks["line mark"] == lines + 2 + 2


def test_it_says_in_words_what_it_shows(rows, spec, svg, tree):
    words = {text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert "World shop: 600 users under each exposure, 17 days" in words
    assert {panel["title"] for panel in spec["concat"]} <= words
    assert f"Topics: {tree['others']['random']['topics_effective']:.1f} effective of 60" in words
    for name in PANELS:
        assert {row["kind"] for row in rows[name]} <= words
    assert {f"p_{name}" for name in tree["heads"]["ranking"]} | set(tree["rates"]) <= words


def test_altair_takes_it_as_a_whole(spec):
    assert isinstance(alt.Chart.from_dict(dict(spec)), alt.ConcatChart)


def test_what_never_happens_has_no_point_on_a_log_scale(described):
    never = replace(
        described.found.random.tally, happened={**described.found.random.tally.happened, "hide": 0.0}
    )
    found = replace(described.found, random=replace(described.found.random, tally=never))
    rates, *_ = world.panels(replace(described, found=found))
    assert [row["kind"] for row in rates.rows if row["name"] == "hide"] == ["standard", "target", "target"]


def test_a_world_in_which_nobody_clicks_can_be_drawn(described):
    found = replace(
        described.found,
        random=replace(described.found.random, clicked=0 * described.found.random.clicked),
        standard=replace(described.found.standard, clicked=0 * described.found.standard.clicked),
    )
    spec = spec_of(replace(described, found=found))
    steps = by_kind(spec["datasets"]["rows 4"], "x", "y")["random: p50 0.0 %, p90 0.0 %"]
    assert (steps[0.0], sum(steps.values()), max(steps)) == (100, 100, 100)
    assert marks_of(svg_of(spec))["area mark"] == 2


@pytest.mark.parametrize(
    ("name", "begins"), [("a.png", b"\x89PNG\r\n"), ("a.pdf", b"%PDF-"), ("A.SVG", b"<svg")]
)
def test_the_ending_says_what_is_written(described, tmp_path, name, begins):
    path = tmp_path / name
    drawable(path)
    draw(described, path)
    assert path.read_bytes().startswith(begins)


def test_a_png_is_larger_than_the_drawing_so_that_it_is_sharp(described, svg, tmp_path):
    draw(described, tmp_path / "a.png")
    size = struct.unpack(">II", (tmp_path / "a.png").read_bytes()[16:24])
    root = ElementTree.fromstring(svg)
    assert size == tuple(pytest.approx(1.5 * float(root.attrib[side]), abs=1) for side in ("width", "height"))


@pytest.mark.parametrize("name", ["a.doc", "a.jpg", "a", ".png"])
def test_an_ending_that_is_none_of_its_formats_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot draw") as refused:
        drawable(tmp_path / name)
    assert refused.value.help == "name a file that ends in .png, .svg or .pdf"


def test_a_file_that_cannot_be_written_is_told(described, tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        draw(described, tmp_path / "none" / "a.svg")
