"""A folder with tasks and what they share."""

BASE = """\
dsl = 1
[signals]
p_click = {}
p_like = {}
[stages.ranking]
keep = 10
score = "p_click + w_like * p_like"
params.w_like = { production = 1.0, low = 0.1, high = 10.0 }
[metrics]
likes = { goal = "maximize" }
"""
TASK = """\
extends = "base.toml"
task = { name = "own", surface = "feed" }
experiment = { users_per_arm = 1000, days = 3 }
confirm = { users_per_arm = 1000, days = 3 }
"""


def test_a_base_that_is_no_task_is_checked_through_those_that_extend_it(rectune, tmp_path):
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "own.toml").write_text(TASK)
    assert rectune("check", tmp_path).out == "1 file: no problems\n"
    assert rectune("check", tmp_path / "base.toml").code == 2

    (tmp_path / "base.toml").write_text(BASE.replace("w_like *", "w_liek *"))
    result = rectune("check", tmp_path)
    assert (result.code, result.out.count("RT202")) == (2, 1)
    assert f"{tmp_path / 'base.toml'}:7:" in result.out
