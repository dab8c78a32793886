"""The page on reports and the reference of their JSON say what the code does."""

import dataclasses
import json
import re
import shlex
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from rectune_dsl.report.facts.comparison import Comparison
from rectune_dsl.report.facts.records import Facts
from rectune_dsl.testing.project import Project

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to/read-a-report.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference/report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder as the page has it: two campaigns of one task."""
    made = Project(tmp_path_factory.mktemp("reports"))
    made.task(experiment={"rounds": 1})
    for words in ("run task.toml", "run task.toml --seed 1"):
        assert made.run(*words.split()).exit_code == 0
    return made


def commands():
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    shown = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [*shown, *re.findall(r"\| `(rectune [^`]+)` \|", PAGE)]


@pytest.mark.parametrize("line", [line for line in commands() if " run " not in line and "pip" not in line])
def test_every_command_works(project, line):
    (run,) = [row.run for row in project.journal.runs()][1:]  # the older one
    words = shlex.split(re.sub(r"starter-\S+", run, line))[1:]
    result = project.run(*words)
    assert result.exit_code == 0, result.stderr


def test_the_example_is_a_whole_id_in_each_command(project):
    (shape,) = set(re.findall(r"starter-\S+?(?=\.html| )", PAGE))
    (run, other) = [row.run for row in project.journal.runs()]
    assert [len(part) for part in run.split("-")[-3:]] == [len(part) for part in shape.split("-")[1:]]
    assert "pip install '.[report]'" in PAGE
    assert run != other


def test_its_script_reads_the_json(project):
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert project.run("report", "last", "-o", "report.json").exit_code == 0
    done = subprocess.run([sys.executable, "-c", script], cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    decision = json.loads((project.path / "report.json").read_text())["end"]["decision"]
    assert done.stdout.startswith(f"{decision} ")


def test_the_reference_has_every_key_of_every_record_and_no_other():
    told = {}
    for section in re.split(r"^## ", REFERENCE, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
        keys = " ".join(rows) if rows else text
        told[title] = re.findall(r"`(\w+)`", keys)
    wanted = {name: fields for kind in (Facts, Comparison) for name, fields in _records(kind).items()}
    assert set(told) == set(wanted)
    for name, fields in wanted.items():
        missing = set(fields) - set(told[name])
        assert not missing, f"{name} lacks {missing}"
        if name in ("Facts", "End", "Arm", "Measure", "Round", "Param", "Provenance", "Comparison", "Side"):
            assert sorted(told[name]) == sorted(fields)


def _records(kind):
    """Names of all records that a kind is made of, with their fields."""
    if not dataclasses.is_dataclass(kind):
        found = {}
        for part in typing.get_args(kind):
            found |= _records(part)
        return found
    hints = typing.get_type_hints(kind)
    found = {kind.__name__.removesuffix("Facts") or kind.__name__: [f.name for f in dataclasses.fields(kind)]}
    for part in hints.values():
        found |= _records(part)
    return found
