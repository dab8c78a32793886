"""No hook without documentation, and none without a test."""

import inspect
import re
from pathlib import Path

import pytest

from rectune_dsl.hooks import specs
from rectune_dsl.plugins.sound import HOOKS

ROOT = Path(__file__).parents[2]
WRITTEN = [path for path in sorted(ROOT.glob("docs/**/*.md")) if path.name != "hooks.md"]
"""Pages by hand: hooks.md is made of the docstrings, and has them all."""
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in WRITTEN)
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/**/*.py")))
RUN_BY_TESTS = (ROOT / "docs/how-to/listen-to-a-campaign.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_it_says_what_it_is_for_and_what_it_is_given(hook):
    told = inspect.getdoc(getattr(specs, hook))
    assert told.endswith(".")
    if hook.startswith("rectune_register_"):
        assert told.startswith("Call `register(")
        assert "makes" in told or "with a" in told


@pytest.mark.parametrize("hook", HOOKS)
def test_a_page_tells_of_it(hook):
    assert re.search(rf"`{hook}`", PAGES)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_test_implements_it(hook):
    """In its own text, or as a part of a page that it runs."""
    assert re.search(rf"\bdef {hook}\(", TESTS + RUN_BY_TESTS)


def test_hooks_that_are_called_are_those_that_there_are():
    called = {
        name
        for path in sorted(ROOT.glob("rectune_dsl/**/*.py"))
        if path.name != "specs.py"
        for name in re.findall(r'"(rectune_(?:register|run|round|arm|approval)_\w+)"', path.read_text())
    }
    assert called == set(HOOKS)
