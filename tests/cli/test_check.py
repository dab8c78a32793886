"""`rectune check`: formats, fixes, and paths that are not what they seem."""

import json
import os
import re
from pathlib import Path

import pytest

TASK = (Path(__file__).parents[1] / "dsl" / "small.toml").read_text()
WRONG = TASK.replace('"maximize"', '"maximise"').replace("days = 3\n[confirm]", "dayz = 3  # why\n[confirm]")


@pytest.fixture
def write(tmp_path):
    def to(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return to


def test_json_is_one_object_with_every_problem(rectune, write):
    write("good.toml", TASK)
    write("wrong.toml", WRONG)
    result = rectune("check", "--output-format", "json", ".")
    report = json.loads(result.out)
    assert result.code == 2
    assert (report["files"], report["errors"], report["warnings"]) == (2, 2, 0)
    goal = report["diagnostics"][0]
    assert goal["code"] == "RT104"
    assert goal["severity"] == "error"
    assert (goal["path"], goal["line"], goal["column"], goal["end_column"]) == ("wrong.toml", 14, 18, 28)
    (edit,) = goal["fix"]
    assert WRONG[edit["start"] : edit["end"]] == '"maximise"'
    assert edit["text"] == '"maximize"'
    assert goal["message"]
    assert goal["help"]


def test_json_of_sound_files_says_so(rectune, write):
    write("good.toml", TASK)
    result = rectune("check", "good.toml", "--output-format", "json")
    assert result.code == 0
    assert json.loads(result.out) == {"files": 1, "errors": 0, "warnings": 0, "diagnostics": []}


def test_github_commands_are_escaped(rectune, write):
    odd = TASK.replace("[confirm]", '[guardrails]\n"a,b:c%" = "<= +5%"\n[confirm]')
    write("od,d%.toml", odd)
    result = rectune("check", "od,d%.toml", "--output-format", "github")
    (line,) = result.out.splitlines()
    match = re.fullmatch(r"::error file=(\S+),line=19,col=1,endColumn=9,title=RT106::(.*)", line)
    assert match
    assert match[1] == "od%2Cd%25.toml"
    assert "`a,b:c%25`" in match[2]
    assert "%0Ahelp: " in match[2]


def test_warnings_are_no_failure_in_any_format(rectune, write):
    write("mild.toml", TASK.replace("p_like = {}", "p_like = {}\np_hide = {}"))
    for output in ("human", "json", "github"):
        result = rectune("check", "mild.toml", "--output-format", output)
        assert result.code == 0
        assert "RT110" in result.out
    assert result.out.startswith("::warning ")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fix_writes_what_the_help_names_and_keeps_every_other_byte(rectune, write, mark, newline):
    path = write("wrong.toml", mark + WRONG.replace("\n", newline).encode())
    result = rectune("check", "--fix", "wrong.toml")
    assert result.code == 0, result.out
    right = WRONG.replace("maximise", "maximize").replace("dayz", "days")
    assert path.read_bytes() == mark + right.replace("\n", newline).encode()
    assert 'wrong.toml:14: RT104 fixed: "maximise" -> "maximize"' in result.out
    assert "wrong.toml:17: RT101 fixed: dayz -> days" in result.out
    assert "2 fixed" in result.out


def test_fix_tells_what_it_leaves(rectune, write):
    path = write("wrong.toml", WRONG.replace("p_click + w", "p_watch + p_click + w"))
    result = rectune("check", "--fix", "wrong.toml", "--output-format", "json")
    report = json.loads(result.out)
    assert result.code == 2
    assert [d["code"] for d in report["diagnostics"]] == ["RT202"]
    assert [f["code"] for f in report["fixed"]] == ["RT104", "RT101"]
    assert "maximize" in path.read_text()


def test_fix_leaves_sound_files_and_bases_alone(rectune, write):
    base = write("base.toml", WRONG)
    task = write("task.toml", 'extends = "base.toml"\n')
    good = write("good.toml", TASK)
    stamp = good.stat().st_mtime_ns
    assert rectune("check", "--fix", "task.toml", "good.toml").code == 2
    assert base.read_text() == WRONG
    assert task.read_text() == 'extends = "base.toml"\n'
    assert good.stat().st_mtime_ns == stamp


def test_fix_never_writes_what_is_no_toml(rectune, write):
    text = TASK.replace('name = "small"', 'name = True\n= 1\nsurf = "')
    path = write("broken.toml", text)
    assert rectune("check", "--fix", "broken.toml").code == 2
    assert path.read_text() == text
    latin = write("latin.toml", WRONG.encode() + b"# caf\xe9\n")
    assert rectune("check", "--fix", "latin.toml").code == 2
    assert latin.read_bytes() == WRONG.encode() + b"# caf\xe9\n"


def test_the_other_files_are_checked_when_one_cannot_be_read(rectune, write, tmp_path):
    write("wrong.toml", WRONG)
    (tmp_path / "gone.toml").symlink_to("nowhere.toml")
    (tmp_path / "empty").mkdir()
    result = rectune("check", ".", "empty", "wrnog.toml", "a\x01b.toml")
    assert result.code == 2
    assert "gone.toml:1:1: RT006 the link leads nowhere: nowhere.toml" in result.out
    assert "empty:1:1: RT006 the folder has no .toml file" in result.out
    assert "wrnog.toml:1:1: RT006" in result.out
    assert "did you mean `wrong.toml`?" in result.out
    assert "wrong.toml:14:18: RT104" in result.out
    assert "1 file: 6 problems" in result.out


def test_exported_configs_of_a_folder_are_no_tasks(rectune, tmp_path, open_bandit):
    (tmp_path / "task.toml").write_text(open_bandit.read_text())
    (tmp_path / "config.toml").write_text('[provenance]\nrun = "r"\n\n[stages.ranking.params]\na = 1.0\n')
    assert rectune("check", tmp_path).out.startswith("1 file: no problems")
    assert rectune("check", tmp_path / "config.toml").code == 2  # who names it means it


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told(rectune, write):
    write("secret.toml", TASK).chmod(0)
    assert "RT006 the file cannot be read: permission denied" in rectune("check", "secret.toml").out


def test_a_file_named_twice_is_checked_once(rectune, write, tmp_path):
    write("wrong.toml", WRONG)
    (tmp_path / "same.toml").symlink_to("wrong.toml")
    result = rectune("check", "wrong.toml", "./wrong.toml", tmp_path / "wrong.toml", ".", "same.toml")
    assert "1 file: 2 problems" in result.out


def test_problems_of_a_base_are_told_once_with_its_line(rectune, write):
    write("base.toml", WRONG)
    write("one.toml", 'extends = "base.toml"\n')
    write("two.toml", 'extends = "base.toml"\n')
    result = rectune("check", "one.toml", "two.toml")
    assert result.out.count("base.toml:14:18: RT104") == 1
    assert 'likes = { goal = "maximise" }' in result.out
