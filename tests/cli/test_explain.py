"""`rectune explain`, the examples of every rule, and their pages."""

import tomllib
from pathlib import Path

import pytest
import tomli_w

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.explain import Example, base, example
from rectune_dsl.dsl.rules import RULES
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.settings import Settings

ROOT = Path(__file__).parents[2]


class Flags(Settings):
    """What the plugin `flags` takes."""

    file: str


ENVIRONMENT = Environment(
    agents={
        role: frozenset({"bayes", "funnel", "none", "numeric"})
        for role in ("actor", "critic", "online", "insight", "skill")
    },
    backends=frozenset({"simulator", "replay"}),
    executors=frozenset({"threads"}),
    worlds=frozenset({"short-video", "news-feed", "shop"}),
    llms=frozenset({"gemini"}),
    deliveries=frozenset({"flags"}),
    skills=frozenset({"value-fusion"}),
    settings={"flags": lambda: Flags},
)

ENTAILED = {"RT311": {"RT310"}}
"""Where no config is allowed, production is not."""


def found(shown: Example, fragment: str) -> list[tuple[str, str]]:
    text = fragment if shown.whole else overlaid(shown, fragment)
    return [(p.code, p.message) for p in check(Source("example.toml", text), ENVIRONMENT).problems]


def overlaid(shown: Example, fragment: str) -> str:
    tree = tomllib.loads(base())
    for dotted in shown.drop:
        *tables, last = dotted.split(".")
        at = tree
        for table in tables:
            at = at[table]
        del at[last]
    return tomli_w.dumps(over(tree, tomllib.loads(fragment)))


def over(below, above):
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = over(below[key], value) if both else value
    return merged


def test_the_base_of_the_examples_is_sound():
    assert check(Source("base.toml", base()), ENVIRONMENT).problems == ()


@pytest.mark.parametrize("code", RULES)
def test_a_rule_has_examples_that_show_it(code):
    shown = example(code)
    assert shown is not None, (
        f"rectune_dsl/dsl/examples.toml has no [{code}] with a wrong and a right example"
    )
    if shown.told:
        assert code in ("RT001", "RT004", "RT005", "RT006", "RT213", "RT219") or code.startswith("RT9")
        return
    codes = {c for c, _ in found(shown, shown.wrong)}
    assert codes == {code} | ENTAILED.get(code, set()), found(shown, shown.wrong)
    if shown.whole:
        tomllib.loads(shown.right)
    else:
        assert found(shown, shown.right) == []


def test_examples_are_of_rules():
    text = (ROOT / "rectune_dsl" / "dsl" / "examples.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text).keys() - {"base"} == RULES.keys()


def test_explain_prints_the_rule(rectune):
    result = rectune("explain", "rt104")
    assert result.code == 0
    for words in ("RT104: not one of the allowed values", "Wrong:", "Right:", '"maximize"'):
        assert words in result.out


def test_a_rule_is_found_by_its_number_alone(rectune):
    assert rectune("explain", "405").out == rectune("explain", "RT405").out


def test_explain_lists_all_and_suggests_the_nearest(rectune):
    assert [line[:5] for line in rectune("explain").out.splitlines()] == list(RULES)
    result = rectune("explain", "RT1o4")
    assert result.code == 2
    assert "did you mean RT104?" in result.err


def test_there_is_a_page_for_each_rule_and_no_other():
    pages = {path.stem for path in (ROOT / "docs" / "reference" / "rules").iterdir()}
    assert pages == {"index", *RULES}
