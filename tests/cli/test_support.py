"""`plan` and `show` say how well a log supports the arms, people and scripts alike."""

import csv
import gzip
import json
from datetime import UTC, datetime

from rectune_dsl.hooks.api import Estimates
from rectune_dsl.memory.codec import decode, encode


def test_a_plan_tells_how_well_the_log_supports_production_and_a_move(rectune, open_bandit):
    result = rectune("plan", open_bandit)
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    (control,) = [line for line in lines if line.startswith("control ")]
    assert control.startswith("control 9,410 1.00")
    assert "effective sample of 10,500 impressions" in " ".join(lines)
    assert any(line.startswith("reference ") for line in lines)
    assert "never logged" not in _in_one_line(result.out)


def test_a_plan_says_what_to_do_about_items_that_were_never_logged(rectune, open_bandit, tmp_path):
    folder = open_bandit.parent / "data"
    with gzip.open(folder / "open_bandit_items.csv.gz", "rt", encoding="utf-8") as stream:
        items = list(csv.DictReader(stream))
    items += [{**row, "item_id": str(1_000 + int(row["item_id"]))} for row in items]
    with (tmp_path / "items.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(items[0]))
        writer.writeheader()
        writer.writerows(items)
    text = open_bandit.read_text().replace('"data/open_bandit_items.csv.gz"', '"items.csv"')
    (tmp_path / "own.toml").write_text(text.replace('"data/', f'"{folder}/'))
    assert "of the choices are items that were never logged" in _in_one_line(rectune("plan", "own.toml").out)
    told = json.loads(rectune("plan", "own.toml", "--json").out)
    assert 0.4 < told["support"]["control"]["unlogged"] < 0.6
    assert any("never logged" in note for note in told["advice"])


def test_a_plan_for_scripts_is_one_object(rectune, open_bandit):
    result = rectune("plan", open_bandit, "--json", "--assume", "click_rate=+30%")
    told = json.loads(result.out)
    assert result.code == 0
    assert told["task"] == "open-bandit"
    assert told["traffic"]["rounds"] == 3
    assert told["power"]["confirmation"] == 1
    assert told["support"]["control"]["unit"] == "impressions"
    assert told["assumed"][0]["lifts"] == {"click_rate": 0.3}
    assert 0 < told["assumed"][0]["chance"] <= 1
    assert [p["code"] for p in told["problems"]] == ["RT903"]


def test_a_run_shows_how_well_the_log_supports_each_tested_arm(rectune, open_bandit):
    rectune("run", open_bandit, "--store", "x.sqlite")
    shown = rectune("show", "last", "--full", "--store", "x.sqlite").out
    assert shown.count("the log, for these arms") >= 3  # each round
    told = json.loads(rectune("show", "last", "--store", "x.sqlite", "--json").out)
    for round in told["rounds"]:
        arms = round["result"]["estimates"]["arms"]
        assert set(round["result"]["estimates"]["support"]) == {"control", *arms}


def test_journals_from_before_are_still_read():
    before = Estimates(datetime(2026, 1, 1, tzinfo=UTC), (), (), (), (), ((),), ((),), ())
    text = json.loads(encode(Estimates, before))
    del text["support"]
    assert decode(Estimates, json.dumps(text)).support == {}


def _in_one_line(text):
    return " ".join(text.split())
