"""What the page on models says is so."""

import re
from dataclasses import fields
from datetime import date
from pathlib import Path

from rectune_dsl.hooks.api import ModelSettings
from rectune_dsl.llm.gemini import DEFAULT_MODEL, LEVELS
from rectune_dsl.llm.prices import load_prices
from rectune_dsl.llm.retries import Retries
from rectune_dsl.plugins.host import Host

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/ask-a-model.md").read_text(encoding="utf-8")


def test_every_setting_is_told_with_its_default():
    for setting in fields(ModelSettings):
        assert f"| `{setting.name}` |" in PAGE, setting.name
    assert f"`{DEFAULT_MODEL}` if left out" in PAGE
    assert all(f"`{level}`" in PAGE for level in LEVELS)
    settings = ModelSettings()
    assert f": {settings.timeout:g}." in PAGE
    assert f": {settings.max_output_tokens}." in PAGE


def test_the_waits_are_those_of_retries():
    waits = Retries()
    assert f"up to {waits.attempts} attempts" in PAGE
    assert f"doubles from {waits.first:g} to at most {waits.longest:g} seconds" in PAGE
    assert f"later than {waits.total:g} seconds" in PAGE


def test_the_price_list_is_one(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "prices.toml"
    path.write_text(example)
    assert load_prices(path).of("qwen3:8b-q4", date(2026, 11, 1)).usd(1000, 1000) == 0.0


def test_the_provider_is_one(tmp_path):
    (example,) = re.findall(r"```python\n(.*?class Mine.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "mine.py"
    path.write_text(example)
    assert Host([path]).llm("mine")(ModelSettings()).model == "mine-1"


def test_the_range_of_versions_is_that_of_the_project():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (stated,) = re.findall(r'"google-genai([^"]*)"', project)
    assert f"google-genai `{stated}`" in PAGE
