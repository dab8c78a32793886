"""A task written as TOML reads back as the same task."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.written import block, complete, key, literal, sections, to_toml, written

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "tests/corpus/valid").glob("*.toml")), *sorted((ROOT / "tasks").glob("*.toml"))]

SCALARS = st.text() | st.dates() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3)
)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_task_reads_back_as_itself_without_new_problems(file, environment):
    first = check(Source.read(file), environment)
    again = check(Source("again.toml", to_toml(first.task)), environment)
    assert again.task == first.task.model_copy(update={"extends": None})
    assert list(again.task.params) == list(first.task.params)
    assert [p.code for p in again.problems] == [p.code for p in first.problems]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_only_what_differs_from_the_defaults_is_written(file, environment):
    task = check(Source.read(file), environment).task
    assert "extends" not in written(task)
    assert "agents" in complete(task)
    for tree in (written(task), complete(task)):
        text = "\n".join(f"[{'.'.join(map(key, path))}]" for path, _ in sections(tree) if path)
        assert list(tomllib.loads(text)) == [k for k, v in tree.items() if isinstance(v, dict)]


def test_a_small_task_stays_small(check_text):
    text = to_toml(check_text().task)
    assert 'score = "p_click + w_like * p_like"' in text
    assert "w_like = { production = 1.0, low = 0.1, high = 10.0 }" in text
    assert "alpha" not in text


@given(VALUES, st.text())
def test_values_and_keys_are_written_exactly(value, name):
    for write in (literal, block):
        assert tomllib.loads(f"{key(name)} = {write(value)}") == {name: value}


def test_text_of_several_lines_keeps_them():
    assert block("a\nb\\") == '"""\na\nb\\\\"""'
