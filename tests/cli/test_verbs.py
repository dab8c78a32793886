"""Every verb does what its help says, and what goes wrong ends with the right exit code and a way out."""

import json
import re
import subprocess
import sys
import textwrap
import tomllib

import pytest

from rectune_dsl import cli

FUNCTION = """
from rectune_dsl.hooks.specs import hookimpl
from rectune_dsl.hooks.api import FormulaFunction

@hookimpl
def rectune_register_functions(register):
    rising = ("nondecreasing",)
    register("twice", FormulaFunction("twice", 1, lambda x: x * 2, "two times x", monotone=rising))
"""


def with_function(open_bandit):
    """The text of the task with a formula that calls the plugin's function, and one round."""
    text = open_bandit.read_text().replace('"data/', f'"{open_bandit.parent}/data/')
    assert "rounds  = 3" in text
    return text.replace("log1p(affinity)", "twice(affinity)").replace("rounds  = 3", "rounds  = 1")


def test_help_lists_every_verb_and_imports_nothing_heavy(environment):
    script = textwrap.dedent(
        """
        import sys
        from rectune_dsl import cli
        sys.argv = ["rectune", "--help"]
        try:
            cli.main()
        except SystemExit:
            pass
        print(sorted({"numpy", "pydantic", "scipy", "sqlalchemy", "rich"} & set(sys.modules)))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    for verb in cli.VERBS:
        assert f"  {verb} " in done.stdout


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help(rectune, verb):
    result = rectune(verb, "--help")
    assert result.code == 0
    assert "Usage: rectune" in result.out


def test_a_campaign_on_real_logs_ends_with_a_verdict_and_can_be_read(rectune, finished, tmp_path):
    assert finished.code == 0
    assert "verdict: " in finished.out
    assert "recommendation" in finished.out

    assert "open-bandit" in rectune("ls").out
    told = rectune("show", "last", "--full")
    assert told.code == 0
    for words in ("Hypothesis: ", "Critic: ", "Predicted: ", "Round 1: ", "p-values", "keep production: "):
        assert words in told.out

    (listed,) = json.loads(rectune("ls", "--json").out)["runs"]
    status = json.loads(rectune("status", "last", "--json").out)
    assert (listed["run"], listed["state"]) == (status["run"], status["state"])
    assert (listed["task"], listed["rounds"]) == ("open-bandit", 3)

    story = json.loads(rectune("show", "last", "--json").out)
    assert story["verdict"]["decision"] in {"ship", "hold", "keep production"}
    assert len(story["rounds"]) == 3

    assert rectune("export", "last", "-o", "config.toml").code == 0
    config = tomllib.loads((tmp_path / "config.toml").read_text())
    assert set(config["stages"]["ranking"]["params"]) == {"w_popularity", "w_affinity", "w_feature"}
    assert config["provenance"]["task"] == "open-bandit"
    assert rectune("export", "last", "--diff").code == 0


@pytest.mark.parametrize(
    ("options", "message", "help"),
    [
        (["--agent", "actor=fnnel"], "there is no actor 'fnnel'", "did you mean `funnel`?"),
        (["--agent", "actr=funnel"], "there is no agent role 'actr'", "did you mean `actor`?"),
        (["--backend", "simulatr"], "there is no backend 'simulatr'", "did you mean `simulator`?"),
        (["--backend", "zzz"], "there is no backend 'zzz'", "known: `replay`, `simulator`"),
    ],
)
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_misspelt_choice_is_told_with_the_nearest_name(rectune, open_bandit, verb, options, message, help):
    done = rectune(verb, open_bandit, *options)
    assert done.code == 2
    assert message in done.err
    assert help in done.err


def test_a_choice_that_a_broken_plugin_may_bring_is_its_failure(rectune, open_bandit, tmp_path):
    (tmp_path / "broken.py").write_text("raise ImportError('no such engine')\n")
    done = rectune("--plugin", "broken.py", "plan", open_bandit, "--backend", "engine")
    assert done.code == 3
    assert "rectune plugins --why broken" in done.err


def test_show_is_one_screen_with_the_verdict_first(rectune, finished, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    shown = rectune("show", "last").out
    lines = shown.splitlines()
    assert len(lines) < 40
    verdict = next(number for number, line in enumerate(lines) if line.startswith("keep production: "))
    assert verdict <= 6
    assert "What to do next" in lines
    assert [line.split()[:3] for line in lines if " measured " in line] == [
        ["1", "measured", "6"],
        ["2", "measured", "6"],
        ["3", "measured", "6"],
    ]
    assert "U is the weighted sum of lifts, +1 x click_rate." in lines
    assert "--full` tells all of it" in " ".join(shown.split())


def test_equal_seeds_tell_byte_identical_stories(rectune, open_bandit, finished):
    story = rectune("show", "last", "--json").out
    assert rectune("run", open_bandit, "--store", "again.sqlite").code == 0
    assert rectune("show", "last", "--json", "--store", "again.sqlite").out == story
    assert rectune("run", open_bandit, "--seed", 4, "--store", "other.sqlite").code == 0
    assert rectune("show", "last", "--json", "--store", "other.sqlite").out != story


def test_resuming_a_finished_run_repeats_its_verdict_and_writes_nothing(rectune, finished):
    before = rectune("show", "last", "--json").out
    told = rectune("resume", "last")
    assert told.code == 0
    first, *rest = told.out.splitlines()
    assert "was finished before: nothing is left to do" in first
    assert any(line.startswith("verdict: ") for line in rest)
    assert not any(line.startswith("round ") or "The Critic takes" in line for line in rest)
    assert len(rectune("resume", "last", "-q").out.splitlines()) == 1
    assert rectune("show", "last", "--json").out == before


def test_a_run_remembers_the_files_its_task_extended(rectune, open_bandit, tmp_path):
    base = tmp_path / "shared" / "base.toml"
    base.parent.mkdir()
    text = open_bandit.read_text().replace('"data/', f'"{open_bandit.parent}/data/')
    base.write_text("".join(line for line in text.splitlines(True) if not line.startswith("skill")))
    task = tmp_path / "own.toml"
    task.write_text('extends = "shared/base.toml"\n[task]\nname = "own"\n[experiment]\nrounds = 1\n')
    assert rectune("run", task).code == 0
    before = rectune("show", "last", "--json").out
    base.unlink()
    assert rectune("resume", "last").code == 0
    assert rectune("show", "last", "--json").out == before
    failed = rectune("run", task)
    assert (failed.code, "RT004" in failed.err) == (2, True)


def test_require_ship_turns_any_other_verdict_into_exit_code_1(rectune, open_bandit):
    result = rectune("run", open_bandit, "--require-ship")
    shipped = "verdict: ship" in result.out
    assert result.code == (0 if shipped else 1)


def test_plan_launches_nothing(rectune, open_bandit, tmp_path):
    result = rectune("plan", open_bandit, "--assume", "click_rate=+30%")
    assert result.code == 0
    assert list(tmp_path.iterdir()) == []
    told = ("smallest U", "chance to ship if", "by confirmation", "requirements to be shown")
    for words in ("round-1..3/propose", "w_popularity", "coverage", *told):
        assert words in result.out
    assert "RT903" in result.out  # the log is too small, and the plan says so


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["run", "missing.toml"], 2, "there is no task file"),
        (["show", "nothing"], 2, "no store"),
        (["export", "last"], 2, "no store"),
        (["resume", "x", "--store", "nonsense://"], 2, "not a store"),
        (["run", "OPEN", "--agent", "actor=nobody"], 2, "nobody"),
        (["run", "OPEN", "--agent", "pilot=bayes"], 2, "pilot"),
        (["run", "OPEN", "--agent", "bayes"], 2, "ROLE=NAME"),
        (["run", "OPEN", "--backend", "nowhere"], 2, "nowhere"),
        (["plan", "OPEN", "--assume", "clicks"], 2, "METRIC=LIFT"),
        (["plan", "OPEN", "--assume", "clicks=1%"], 2, "no metric"),
        (["plan", "OPEN", "--assume", "click_rate=nan"], 2, "METRIC=LIFT with a number"),
        (["plan", "OPEN", "--assume", "click_rate=inf%"], 2, "METRIC=LIFT with a number"),
        (["run", "OPEN", "--seed", "-1"], 2, "--seed"),
        (["run", "OPEN", "--seed", 10**23], 2, "--seed"),
        (["simulate", "fit", "shop", "--seed", 10**23], 2, "--seed"),
        (["approve", "last", "verdict", "--by", ""], 2, "--by"),
        (["reject", "last", "verdict", "--why", " \t"], 2, "--why"),
        (["abort", "last", "--why", ""], 2, "--why"),
        (["skills", "retire", "open-bandit", "it", "--why", " "], 2, "--why"),
        (["ui", "--port", 99_999], 2, "--port"),
        (["plan", "OPEN", "--assume", "click_rate=3"], 2, "write click_rate=+3%"),
        (["rum", "OPEN"], 2, "Did you mean `run`?"),
        (["plan", "OPEN", "--oracle"], 2, "does not know the truth"),
        (["skills", "show", "nothing-like-it"], 2, "nothing-like-it"),
        (["no-such-verb"], 2, "no-such-verb"),
    ],
)
def test_what_goes_wrong_is_said_with_its_exit_code(rectune, open_bandit, args, code, words):
    result = rectune(*[open_bandit if a == "OPEN" else a for a in args])
    assert result.code == code
    assert words in result.err
    assert "Traceback" not in result.err


def test_the_largest_seed_is_taken(rectune, open_bandit):
    done = rectune("run", open_bandit, "--seed", 2**63 - 1)
    assert done.code == 0, done.err


def test_a_run_that_is_not_there_is_said(rectune, finished):
    result = rectune("show", "nothing")
    assert result.code == 2
    assert "no run that begins" in result.err


def test_the_plugins_of_a_run_are_missed_by_name(rectune, open_bandit, tmp_path, monkeypatch):
    monkeypatch.setenv("RECTUNE_SKILLS", str(open_bandit.parents[1] / "skills"))
    (tmp_path / "mine.py").write_text(FUNCTION)
    (tmp_path / "task.toml").write_text(with_function(open_bandit))
    rectune("--plugin", "mine.py", "run", "task.toml")
    (tmp_path / "mine.py").rename(tmp_path / "moved.py")
    lost = rectune("show", "last")
    assert lost.code == 3
    assert "mine.py" in lost.err
    assert "twice" in lost.err
    assert rectune("--plugin", "moved.py", "show", "last").code == 0


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("lambda: 1 / 0", "ZeroDivisionError"),
        ("lambda: object()", "propose"),
        ("type('A', (), {'propose': lambda s, c: None, 'recommend': len})", "sequence of Proposal"),
        ("type('A', (), {'propose': lambda s, c: [1], 'recommend': len})", "int instead of Proposal"),
        ("7", "cannot be called"),
    ],
)
def test_a_plugin_that_breaks_its_contract_is_named_with_exit_code_3(
    rectune, open_bandit, tmp_path, actor, words
):
    (tmp_path / "bad.py").write_text(
        "from rectune_dsl.hooks.specs import hookimpl\n"
        "@hookimpl\n"
        "def rectune_register_agents(register):\n"
        f"    register('actor', 'bad', {actor})\n"
    )
    result = rectune("--plugin", "bad.py", "run", open_bandit, "--agent", "actor=bad")
    assert result.code == 3
    assert words in result.err


@pytest.mark.slow
def test_a_reader_that_goes_away_does_not_end_a_campaign(open_bandit, environment, tmp_path):
    text = open_bandit.read_text().replace('"data/', f'"{open_bandit.parent}/data/')
    (tmp_path / "task.toml").write_text(text.replace("rounds  = 3", "rounds  = 1"))
    command = f"{sys.executable} -m rectune_dsl run task.toml --store s.sqlite | head -1"
    told = {**environment, "RECTUNE_SKILLS": str(open_bandit.parents[1] / "skills")}
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=told, check=True, capture_output=True)
    show = [sys.executable, "-m", "rectune_dsl", "show", "last", "--json", "--store", "s.sqlite"]
    done = subprocess.run(show, cwd=tmp_path, env=told, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["verdict"] is not None


def test_a_narrow_terminal_cuts_nothing_and_no_color_is_kept(rectune, open_bandit, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    result = rectune("run", open_bandit)
    assert "…" not in result.out
    (listed,) = json.loads(rectune("ls", "--json").out)["runs"]
    assert re.search(f"^ {listed['run']} .* {listed['state']}", rectune("ls").out, re.MULTILINE)
    missing = rectune("run", "missing.toml")
    assert "\x1b" not in result.out + missing.err


def test_a_file_that_cannot_be_written_is_no_bug_of_ours(rectune, finished):
    result = rectune("export", "last", "-o", "/nowhere/config.toml")
    assert result.code == 2
    assert "/nowhere/config.toml" in result.err


def test_check_reports_problems_where_they_are(rectune, open_bandit, tmp_path):
    text = open_bandit.read_text().replace("w_affinity * log1p", "w_afinity * log1p")
    (tmp_path / "broken.toml").write_text(text)
    result = rectune("check", "broken.toml", open_bandit)
    assert result.code == 2
    line = next(i for i, row in enumerate(text.splitlines(), 1) if "w_afinity" in row)
    assert f"broken.toml:{line}:" in result.out
    assert "w_affinity" in result.out
    assert rectune("run", "broken.toml").code == 2
    assert not (tmp_path / ".rectune" / "skills").exists()


def test_a_single_file_plugin_brings_functions(rectune, open_bandit, tmp_path, monkeypatch):
    monkeypatch.setenv("RECTUNE_SKILLS", str(open_bandit.parents[1] / "skills"))
    (tmp_path / "mine.py").write_text(FUNCTION)
    (tmp_path / "task.toml").write_text(with_function(open_bandit))
    assert rectune("check", "task.toml").code == 2
    assert rectune("--plugin", "mine.py", "check", "task.toml").code == 0
    assert rectune("--plugin", "mine.py", "run", "task.toml").code == 0
    assert rectune("resume", "last").code == 0  # the run remembers its plugin
    assert rectune("show", "last").code == 0


def test_a_broken_plugin_is_named_and_the_verb_goes_on(rectune, tmp_path):
    (tmp_path / "bad.py").write_text("raise RuntimeError('no licence')")
    result = rectune("--plugin", "bad.py", "plugins", "--hooks")
    assert result.code == 0
    assert "no licence" in result.err
    assert "rectune_register_agents" in result.out


def test_skills_are_listed_and_shown_with_what_a_run_taught(rectune, finished, open_bandit, monkeypatch):
    monkeypatch.setenv("RECTUNE_SKILLS", str(open_bandit.parents[1] / "skills"))
    assert "open-bandit" in rectune("skills").out
    shown = rectune("skills", "show", "open-bandit")
    assert shown.code == 0
    assert "Domain knowledge" in shown.out


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
def test_a_misspelt_skill_is_a_problem_of_the_file(rectune, open_bandit, tmp_path, verb):
    (tmp_path / "skills/open-bandit").mkdir(parents=True)
    (tmp_path / "skills/open-bandit/SKILL.md").touch()
    text = open_bandit.read_text().replace('skill   = "open-bandit"', 'skill   = "open-bandid"')
    (tmp_path / "task.toml").write_text(text)
    result = rectune(verb, "task.toml")
    assert result.code == 2
    assert re.search(r"task.toml:\d+:11: RT522 there is no skill `open-bandid`", result.out + result.err)
    assert "did you mean `open-bandit`?" in result.out + result.err


def test_where_no_skill_is_at_hand_check_looks_for_none_and_a_campaign_does(rectune, open_bandit, tmp_path):
    (tmp_path / "task.toml").write_text(open_bandit.read_text())
    assert rectune("check", "task.toml").code == 0
    planned = rectune("plan", "task.toml")
    assert planned.code == 2
    assert "put it into a folder `skills` beside the task" in planned.err


def test_a_skill_that_cannot_be_read_is_told_by_plan(rectune, open_bandit, tmp_path):
    (tmp_path / "skills/open-bandit").mkdir(parents=True)
    (tmp_path / "skills/open-bandit/SKILL.md").write_text("no front matter\n")
    text = open_bandit.read_text().replace('"data/', f'"{open_bandit.parent}/data/')
    (tmp_path / "task.toml").write_text(text)
    planned = rectune("plan", "task.toml")
    assert planned.code == 2
    assert "open-bandit/SKILL.md" in planned.err
