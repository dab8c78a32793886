"""The how-to on `extends` does what it says."""

import re
from pathlib import Path

import pytest

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.source import Source
from rectune_dsl.report.resolved import as_toml

PAGE = (Path(__file__).parents[2] / "docs/how-to/share-a-pipeline.md").read_text(encoding="utf-8")
FILES = {name: text for text, name in re.findall(r"```toml\n(# (\S+)\n.*?)```", PAGE, re.DOTALL)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [name for name in FILES if "/" not in name])
def test_its_tasks_are_right(name):
    checked = check(Source.read(name), Environment())
    assert checked.problems == ()
    assert checked.task is not None


def test_it_shows_what_show_task_prints():
    (shown,) = re.findall(r"```console\n\$ rectune show-task careful.toml\n(.*?)```", PAGE, re.DOTALL)
    checked = check(Source.read("careful.toml"), Environment())
    assert checked.task is not None
    assert shown in as_toml(checked.task, checked.source)
