"""`rectune simulate` tells what worlds are like, and makes worlds of measured rates."""

import json
import subprocess
import sys

import pytest

from rectune_dsl.simulator.worlds import load, parse, text_of

FEW = ("--users", "600")


@pytest.mark.parametrize("verb", [(), ("fit",), ("describe",), ("calibrate",), ("show",)])
def test_help_is_light(environment, verb):
    script = f"""
import sys
from rectune_dsl import cli
sys.argv = ["rectune", "simulate", *{verb!r}, "--help"]
try:
    cli.main()
except SystemExit:
    pass
print(sorted({{"numpy", "pydantic", "scipy", "rich", "altair"}} & set(sys.modules)))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Usage: rectune simulate" in done.stdout


def test_fit_prints_every_target_and_a_summary(rectune, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = rectune("simulate", "fit", "news-feed", *FEW)
    assert result.code == 0
    for name in load("news-feed").targets:
        assert f" {name} " in result.out
    assert "main targets within 20 % (ratios within 25 %)" in result.out


def test_fit_as_json_has_the_same(rectune):
    tree = json.loads(rectune("simulate", "fit", "news-feed", *FEW, "--json").out)
    rows = {row["target"]: row for row in tree["rows"]}
    click = rows["click"]
    assert click["random"]["target"] == 0.045
    assert click["random"]["error"] == pytest.approx(click["random"]["simulated"] / 0.045 - 1)
    assert rows["long_read_given_click"]["main"] is False
    assert tree["main"] == sum(row["main"] for row in rows.values())
    assert tree["users"] == 600


def test_fit_says_what_depends_on_the_number_of_users(rectune):
    told = rectune("simulate", "fit", "shop", *FEW).out
    assert "is to be compared at 27,000 (--users): top_1pct_share" in " ".join(told.split())


def test_fit_can_fail_where_a_target_is_missed(rectune, tmp_path):
    text = text_of("shop").replace("random = 0.024", "random = 0.24")
    (tmp_path / "off.toml").write_text(text, encoding="utf-8")
    assert rectune("simulate", "fit", "off.toml", *FEW).code == 0
    assert rectune("simulate", "fit", "off.toml", *FEW, "--require-met").code == 1
    (tmp_path / "met.toml").write_text(text_of("shop").partition("[targets]")[0], encoding="utf-8")
    assert rectune("simulate", "fit", "met.toml", *FEW, "--require-met", "--json").code == 0


def test_describe_draws_and_prints(rectune, tmp_path):
    result = rectune("simulate", "describe", "shop", *FEW, "--png", "shop.png")
    assert result.code == 0
    assert (tmp_path / "shop.png").read_bytes().startswith(b"\x89PNG")
    for words in (
        "Invented",
        "p_add_to_cart",
        "AUC ranking",
        "effective number of topics",
        "activity classes",
    ):
        assert words in result.out
    assert "wrote shop.png" in result.err


def test_describe_refuses_a_format_it_cannot_draw(rectune):
    result = rectune("simulate", "describe", "shop", *FEW, "--png", "shop.doc")
    assert result.code == 2
    assert "cannot draw shop.doc: .doc is no format of pictures" in result.err
    assert "name a file that ends in .png, .svg or .pdf" in result.err


def test_describe_as_json_has_all_heads(rectune):
    tree = json.loads(rectune("simulate", "describe", "shop", *FEW, "--json").out)
    responses = list(load("shop").responses)
    assert list(tree["heads"]["ranking"]) == responses
    assert all(0.65 <= head["auc"] <= 0.85 for head in tree["heads"]["ranking"].values())
    assert len(tree["correlations"]) == len(responses)
    assert sum(tree["topics"]["standard"]) == pytest.approx(1)


@pytest.mark.slow
def test_calibrate_writes_a_world_that_fits_the_rates(rectune, tmp_path):
    (tmp_path / "ours.csv").write_text("metric,random,standard\nclick,0.02,0.05\nhide,,0.002\n")
    options = (*FEW, "--rounds", "4")
    result = rectune("simulate", "calibrate", "shop", "--rates", "ours.csv", "-o", "ours.toml", *options)
    assert result.code == 0
    assert "before: " in result.err
    assert "after: " in result.err
    text = (tmp_path / "ours.toml").read_text(encoding="utf-8")
    assert text.startswith("# Made by `rectune simulate calibrate shop --rates ours.csv`")
    assert list(parse(text).targets) == ["click", "hide"]
    fitted = json.loads(rectune("simulate", "fit", "ours.toml", "--users", "1000", "--json").out)
    assert fitted["missed"] == []


def test_calibrate_tells_which_rate_it_does_not_know(rectune, tmp_path):
    (tmp_path / "ours.csv").write_text("metric,random,standard\nclicks,0.02,0.05\n")
    result = rectune("simulate", "calibrate", "shop", "--rates", "ours.csv")
    assert result.code == 2
    assert "ours.csv:2: `clicks` is no measure of shop" in result.err
    assert "did you mean `click`?" in result.err


def test_show_prints_a_world_file(rectune):
    assert rectune("simulate", "show", "shop").out == text_of("shop")


@pytest.mark.parametrize("verb", ["fit", "describe", "calibrate", "show"])
def test_a_world_that_is_not_there_is_told(rectune, verb):
    assert "did you mean `short-video`?" in rectune("simulate", verb, "short-vidoe").err
    missing = rectune("simulate", verb, "none.toml")
    assert missing.code == 2
    assert "cannot read the world file none.toml" in missing.err


def test_a_file_that_is_no_world_is_told(rectune, tmp_path):
    (tmp_path / "half.toml").write_text('world = 1\nname = "half"\n')
    result = rectune("simulate", "show", "half.toml")
    assert result.code == 2
    assert "half.toml is no world" in result.err
    assert "RT102 `responses` is missing in the file" in result.err
