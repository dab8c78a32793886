"""Tasks over other tasks: merged by table, every problem at its own place in its own file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.source import MAX_BYTES, Source

TASK = Path(__file__).with_name("small.toml").read_text()


@pytest.fixture
def files(tmp_path: Path):
    """Write files and check the first."""

    def run(**texts: str):
        for name, text in texts.items():
            path = tmp_path / f"{name}.toml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return check(Source.read(tmp_path / f"{next(iter(texts))}.toml"), Environment())

    return run


def test_tables_are_merged_and_other_values_replaced(files) -> None:
    checked = files(
        own='extends = "base.toml"\n[stages.ranking]\nparams.w_like = { high = 20 }\n[task]\nname = "own"\n',
        base=TASK,
    )
    assert checked.problems == ()
    task = checked.task
    assert (task.task.name, task.task.surface) == ("own", "feed")
    assert (task.params["w_like"].low, task.params["w_like"].high) == (0.1, 20)


def test_a_table_gives_way_to_a_number_and_a_number_to_a_table(files) -> None:
    checked = files(
        own='extends = "base.toml"\n[stages.ranking]\nparams.w_like = 2\n'
        'keep = { production = 10, low = 8, high = 12, type = "int" }\n',
        base=TASK,
    )
    assert checked.errors == ()
    assert list(checked.task.params) == ["ranking.keep"]
    assert checked.task.stages["ranking"].constants == {"w_like": 2.0}


def test_a_problem_points_into_the_file_where_it_stands(files) -> None:
    checked = files(
        own='extends = "base.toml"\n[metrics]\nlikes = { wait = 2 }\n',
        base=TASK.replace("p_like = {}", "p_lik = {}"),
    )
    found = {(p.code, Path(p.path).name, p.line) for p in checked.problems}
    assert found == {("RT101", "own.toml", 3), ("RT202", "base.toml", 10)}
    line = next(p for p in checked.problems if p.code == "RT202").line
    assert "score" in checked.sources[checked.problems[1].path].line(line)


def test_what_is_missing_in_both_is_missed_in_the_file_that_was_given(files) -> None:
    checked = files(own='extends = "base.toml"\n', base=TASK.replace("days = 3\n[confirm]", "[confirm]"))
    assert [(p.code, Path(p.path).name) for p in checked.problems] == [("RT102", "base.toml")]


def test_a_number_hides_the_table_it_replaced(files) -> None:
    bounds = "{ production = 1, low = 0.5, high = 2 }"
    checked = files(
        own=f'extends = "middle.toml"\n[stages.ranking]\nparams.w_like = {bounds}\n',
        middle='extends = "base.toml"\n[stages.ranking]\nparams.w_like = 1.5\n',
        base=TASK.replace("high = 10.0", 'high = 10.0, scale = "log"'),
    )
    assert checked.problems == ()
    assert checked.task.params["w_like"].scale == "linear"
    assert checked.source.owner(("stages", "ranking", "params", "w_like", "scale")) is None


def test_a_chain_of_bases(files) -> None:
    checked = files(
        own='extends = "middle.toml"\n[confirm]\ndays = 9\n',
        middle='extends = "base.toml"\n[confirm]\ndays = 8\nusers_per_arm = 5\n',
        base=TASK,
    )
    assert (checked.task.confirm.days, checked.task.confirm.users_per_arm) == (9, 5)
    assert [Path(s).name for s in checked.sources] == ["own.toml", "middle.toml", "base.toml"]


def test_a_circle_is_named(files) -> None:
    checked = files(a='extends = "b.toml"\n', b='extends = "a.toml"\n')
    (problem,) = checked.problems
    assert (problem.code, Path(problem.path).name, problem.line) == ("RT004", "b.toml", 1)
    assert "a.toml -> b.toml -> a.toml" in problem.message


def test_a_broken_base_is_shown_where_it_breaks(files) -> None:
    checked = files(own='extends = "base.toml"\n', base="dsl = 1\n[task\n")
    (problem,) = checked.problems
    assert (problem.code, Path(problem.path).name, problem.line) == ("RT002", "base.toml", 2)


def test_a_missing_base_names_its_neighbour(files) -> None:
    (problem,) = files(own='extends = "bases.toml"\n', base=TASK).problems
    assert problem.code == "RT004"
    assert "base.toml" in problem.help


@pytest.mark.parametrize("name", ["", ".", "/dev/zero", "\\u0000", "~", "x" * 5000])
def test_what_is_no_file_is_not_read(files, name: str) -> None:
    assert [p.code for p in files(own=f'extends = "{name}"\n').problems] == ["RT004"]


def test_another_type_is_a_wrong_type(files) -> None:
    assert {p.code for p in files(own="extends = 3\n").problems} >= {"RT103"}


def test_a_megabyte_is_no_task(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_text(TASK + "#" * MAX_BYTES)
    assert [p.code for p in check(Source.read(path), Environment()).problems] == ["RT005"]


@given(st.sets(st.integers(0, 18)))
def test_where_a_task_is_cut_in_two_does_not_matter(moved: set[int]) -> None:
    """Lines of [experiment] and [confirm] in either file give the same task."""
    tables = {
        "experiment": ("users_per_arm = 1000", "days = 3"),
        "confirm": ("users_per_arm = 7", "days = 4"),
    }
    own, base = ['extends = "base.toml"'], [TASK.split("[experiment]")[0]]
    for i, (table, lines) in enumerate(tables.items()):
        for part, here in ((own, True), (base, False)):
            part.append(f"[{table}]")
            part += [line for j, line in enumerate(lines) if (2 * i + j in moved) == here]
    texts = {"own.toml": "\n".join(own), "base.toml": "\n".join(base)}
    checked = check(Source("own.toml", texts["own.toml"]), Environment(), lambda p: Source(p, texts[p]))
    assert checked.errors == ()
    assert (checked.task.experiment.days, checked.task.confirm.users_per_arm) == (3, 7)
