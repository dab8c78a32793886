"""The hand-written reference tells of every key and function."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.formula.parse import MAX_DEPTH, MAX_LENGTH
from rectune_dsl.dsl.shape import tables

DOCS = Path(__file__).parents[2] / "docs"
TASK_FILE = (DOCS / "reference/task-file.md").read_text(encoding="utf-8")
FORMULAS = (DOCS / "reference/formulas.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.__name__)
def test_every_key_is_documented(table: type[BaseModel]):
    told = set(re.findall(r"`\[?([\w.]+)\]?`", TASK_FILE))
    told |= {part for name in told for part in name.split(".")}
    assert set(table.model_fields) <= told


def test_every_function_is_documented_with_its_meaning():
    for name, signature in FUNCTIONS.items():
        about = signature.about.split(": ", 1)[-1]
        assert re.search(rf"\| `{name}\([^|]*\| {re.escape(about)} \|", FORMULAS), name


def test_the_limits_are_the_parsers():
    assert f"at most {MAX_LENGTH:,} characters and {MAX_DEPTH} levels" in FORMULAS
