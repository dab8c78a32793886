"""The how-to on faults does what it says, whatever the numbers."""

import re
from pathlib import Path

import pytest

from rectune_dsl.dsl.rehearsal import Faults

PAGE = (Path(__file__).parents[2] / "docs/how-to/rehearse-faults.md").read_text(encoding="utf-8")
FILES = {name: text for text, name in re.findall(r"```toml\n(# (\S+)\n.*?)```", PAGE, re.DOTALL)}
ROWS = re.findall(r"^\| `(\w+)( = .*?)` \|", PAGE, re.MULTILINE)


@pytest.fixture
def project(rectune_project):
    for name, text in FILES.items():
        rectune_project.write(name, text)
    return rectune_project


@pytest.mark.parametrize(("key", "value"), ROWS, ids=[key for key, _ in ROWS])
def test_every_fault_of_the_table_can_be_written_so(project, key, value):
    project.write("one.toml", f'extends = "feed.toml"\n[simulator.faults]\n{key}{value}\n')
    assert project.run("check", "one.toml").exit_code == 0


def test_the_table_has_every_fault():
    assert {key for key, _ in ROWS} == set(Faults.model_fields)
