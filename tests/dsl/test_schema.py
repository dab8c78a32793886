"""The JSON Schema of task files: draft-07, a word about every key, no to what is wrong, yes to the rest."""

import re
import tomllib
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.docstrings import field_docstrings
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.examples import EXAMPLES
from rectune_dsl.dsl.formula import FormulaError, is_name, parse
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.dsl.schema import schema
from rectune_dsl.dsl.shape import tables
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.written import key, literal

ROOT = Path(__file__).parents[2]
TASKS = sorted((ROOT / "tasks").glob("*.toml"))
COVERED = ("RT003", "RT101", "RT102", "RT103", "RT104", "RT105", "RT106", "RT402")
"""What a schema can say of single keys. It has no word for numbers that are not finite, and does not compare
one value with another."""
BEYOND = {"RT103_not_finite"}
STRUCTURAL = [
    file
    for file in sorted((ROOT / "tests" / "corpus" / "invalid").glob("*.toml"))
    if file.stem.startswith(COVERED) and file.stem not in BEYOND
]

KNOWN = Environment({"softplus": Signature(1, 1, "log(1 + exp(x))", monotone=("nondecreasing",))})
SCHEMA = schema(
    Environment(
        functions=KNOWN.functions,
        agents={"actor": frozenset({"bayes", "mine"})},
        backends=frozenset({"simulator", "warehouse"}),
    )
)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(in_json(tomllib.loads(text)))]


def in_json(value):
    """The value as editors hold it against the schema: a date is text of that format."""
    if isinstance(value, dict):
        return {name: in_json(below) for name, below in value.items()}
    if isinstance(value, list):
        return [in_json(below) for below in value]
    return value.isoformat() if isinstance(value, date) else value


def subschemas(value):
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from subschemas(below)


def test_it_is_a_draft_07_schema_and_nothing_newer():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    keywords = {key for sub in subschemas(SCHEMA) for key in sub}
    assert not keywords & {"$defs", "prefixItems", "discriminator", "nullable"}
    for sub in subschemas(SCHEMA):
        assert "$ref" not in sub or set(sub) == {"$ref"}, "draft-07 ignores what stands beside a $ref"
        assert sub.get("type") != "null"


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.__name__)
def test_every_key_says_what_it_is_in_one_sentence_or_two(table):
    docs = field_docstrings(table)
    assert set(docs) == set(table.model_fields)
    for text in docs.values():
        assert text.endswith(".")
        assert len(text) <= 200


def test_examples_are_of_keys_that_exist_and_are_accepted():
    for (table, name), examples in EXAMPLES.items():
        where = SCHEMA if table == "Task" else SCHEMA["definitions"][table]
        sub = {**where["properties"][name], "definitions": SCHEMA["definitions"]}
        for example in examples:
            jsonschema.validate(example, sub, jsonschema.Draft7Validator)


def test_a_valid_file_is_accepted(valid_file):
    assert errors(valid_file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.stem)
def test_a_shipped_task_is_accepted_and_names_the_schema(task):
    text = task.read_text(encoding="utf-8")
    assert errors(text) == []
    (name,) = re.findall(r"\A#:schema (\S+)\n", text)
    assert (task.parent / name).resolve() == ROOT / "docs" / "reference" / "task.schema.json"


@pytest.mark.parametrize("file", STRUCTURAL, ids=lambda file: file.stem)
def test_a_structural_mistake_is_refused(file):
    assert errors(file.read_text(encoding="utf-8"))


def test_keys_that_go_together_are_asked_for():
    assert errors((ROOT / "tests/corpus/invalid/RT111_boost.toml").read_text(encoding="utf-8"))
    assert errors((ROOT / "tests/corpus/invalid/RT403_ratio.toml").read_text(encoding="utf-8"))


def test_other_names_than_the_known_ones_are_offered_none_and_accepted():
    agents = SCHEMA["definitions"]["Agents"]["properties"]["actor"]
    assert agents["anyOf"] == [{"enum": ["bayes", "mine"]}, {"type": "string"}]
    jsonschema.validate("somebody-else's", agents)
    backend = SCHEMA["definitions"]["Experiment"]["properties"]["backend"]
    assert backend["anyOf"][0] == {"enum": ["simulator", "warehouse"]}
    assert "softplus" in SCHEMA["definitions"]["Formula"]["description"]


EXTENDING = """
extends = "base.toml"
[stages.ranking.params]
w_like = { high = 20.0 }
curve = { low = [0.0, 0.5] }
[stages.ranking.boosts.fresh]
multiply = 2
[metrics.ctr]
kind = "ratio"
"""


def test_a_file_that_extends_may_leave_out_what_its_base_has():
    assert errors(EXTENDING) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("high = 20.0", "hihg = 20.0"),
        ("high = 20.0", 'high = "20"'),
        ("multiply = 2", "multiplier = 2"),
        ('"ratio"', '"quotient"'),
        ("low = [0.0, 0.5]", 'low = [0.0, 0.5], type = "int"'),
        ("low = [0.0, 0.5]", 'order = "nondecreasing", production = 1.0'),
    ],
)
def test_what_it_does_write_has_to_be_right(old, new):
    assert errors(EXTENDING.replace(old, new))


VALUES = st.recursive(
    st.sampled_from([True, 0, 1, -1, 3, 0.5, 20.5, "", "p_click", "log", "linear", "int", ">= -1%", "x y"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["production", "low", "high", "scale", "order", "type", "when", "add", "typo"]),
            below,
            max_size=4,
        )
    ),
    max_leaves=5,
)


def paths(tree, path=()):
    yield path
    for name, value in tree.items() if isinstance(tree, dict) else ():
        yield from paths(value, (*path, name))


@st.composite
def mutated_tasks(draw):
    """A valid task with one to three values replaced, removed or added."""
    file = draw(st.sampled_from(sorted((ROOT / "tests/corpus/valid").glob("*.toml"))))
    tree = tomllib.loads(file.read_text(encoding="utf-8"))
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([path for path in paths(tree) if path]))
        table = tree
        for step in above:
            table = table[step]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            note(f"remove {(*above, last)}")
            del table[last]
        else:
            name = "typo" if action == "add" else last
            table[name] = draw(VALUES)
            note(f"{(*above, name)} = {table[name]}")
    return tree


@given(mutated_tasks())
def test_it_refuses_exactly_what_check_calls_structurally_wrong(tree):
    text = "\n".join(f"{key(name)} = {literal(value)}" for name, value in tree.items())
    found = check(Source(str(ROOT / "tests/corpus/valid/mutated.toml"), text), KNOWN)
    refused = [error.message for error in VALIDATOR.iter_errors(in_json(tree))]
    assert not refused or found.errors
    structural = [problem for problem in found.errors if problem.code in COVERED]
    assert refused or not structural or "extends" in tree, structural


@given(st.text(max_size=20) | st.text("abcp_ +-*/(),.0123456789<>=![]^%&|{}", max_size=20))
def test_no_formula_that_can_be_read_is_refused(text):
    try:
        parse(text)
    except FormulaError:
        return
    assert re.search(SCHEMA["definitions"]["Formula"]["pattern"], text)


@given(st.from_regex(r"[ ]?(>=|<=|<|=) ?[+-]?[0-9_.]{0,6} ?%?", fullmatch=True))
def test_exactly_the_guardrails_that_can_be_read_are_accepted(text):
    accepted = re.search(SCHEMA["definitions"]["Guardrail"]["pattern"], text) is not None
    try:
        parse_limit(text)
    except ValueError:
        assert not accepted
    else:
        assert accepted


@given(st.text(min_size=1, max_size=6) | st.from_regex(r"[A-Za-z_]\w{0,5}", fullmatch=True))
def test_no_name_that_formulas_can_read_is_refused(text):
    pattern = SCHEMA["properties"]["signals"]["propertyNames"]["pattern"]
    assert re.search(pattern, text) or not is_name(text)
