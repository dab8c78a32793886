"""Pages and figures that are made from the code are those that it makes now, and leave nothing out."""

import re
import runpy
from pathlib import Path

import pytest
from page_blocks import ROOT

from rectune_dsl.cli import VERBS
from rectune_dsl.hooks import api, specs

GENERATED = runpy.run_path(str(ROOT / "docs/generate.py"))["generated"]()
HOOKS = [name for name in vars(specs) if name.startswith("rectune_")]


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_file_is_the_one_that_the_code_makes(path: Path):
    made = path.read_text(encoding="utf-8") if path.exists() else None
    assert made == GENERATED[path], "run `make docs`"


@pytest.mark.parametrize("name", api.__all__)
def test_what_plugins_import_is_documented(name):
    pages = [GENERATED[ROOT / f"docs/reference/{page}.md"] for page in ("hooks", "records")]
    (section,) = [page.partition(f"### `{name}`\n")[2] for page in pages if f"### `{name}`\n" in page]
    about, _, _ = section.partition("\n### ")
    assert re.search(r"^[^`#|-]", about, re.MULTILINE), "it has no docstring"
    undocumented = re.findall(r"^- `(\w+)[^`]*`$", about, re.MULTILINE)
    assert undocumented == []


def test_every_verb_is_documented():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    skipped = [verb for verb in VERBS if not re.search(rf"^\| .*\b{verb}\b", readme, re.MULTILINE)]
    assert skipped == [], "the README's table of commands has them all"
    page = GENERATED[ROOT / "docs/reference/command-line.md"]
    assert re.findall(r"^## `rectune ([\w-]+)`", page, re.MULTILINE) == list(VERBS)
    assert "| `" in page
    assert re.findall(r"^\| `[^|]*`( |\(default.*)?\|$", page, re.MULTILINE) == []
