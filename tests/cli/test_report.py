"""`rectune report` and `rectune compare`: files, formats, and what is said when something is missing."""

import html
import json
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rectune_dsl.memory.journal import Journal

PLANTED = Path(__file__).parents[1] / "workflow" / "planted.py"


def test_a_report_is_one_file_in_this_folder_and_says_so(rectune, finished, tmp_path):
    run = rectune("status", "last", "--json")
    name = json.loads(run.out)["run"]
    result = rectune("report", "last")
    assert (result.code, result.out) == (0, "")
    assert result.err == f"wrote {name}.html\n"
    text = (tmp_path / f"{name}.html").read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert "window.vegaEmbed=" in text


@pytest.fixture
def learnt(rectune, platform, tmp_path):
    """The store of a run that began with what the one before had told its skill."""
    platform()
    (tmp_path / "task.toml").write_text(PLANTED.with_suffix(".toml").read_text())
    for seed, store in enumerate(("first.sqlite", "its own.sqlite")):
        ran = rectune("--plugin", PLANTED, "run", "task.toml", "--seed", seed, "--store", store)
        assert ran.code == 0
    return "its own.sqlite"


def again(rectune, store):
    """What the report of a run says of running it again, as text."""
    words = ("report", "last", "--store", store, "-o", "-", "--format", "html")
    return html.unescape(rectune("--plugin", PLANTED, *words).out.split("Run it again")[1])


def test_what_the_report_says_of_running_it_again_gives_the_same_story(rectune, learnt, tmp_path):
    story = rectune("show", "last", "--json", "--store", learnt).out
    told = again(rectune, learnt)
    (run,) = re.findall(r"<code>(rectune .*run .*)</code>", told)
    (rollback,) = re.findall(r"<code>(rectune skills rollback .*)</code>", told)
    (tmp_path / learnt).unlink()  # a surface's next run begins after the one before
    for command in (rollback, run):
        result = rectune(*shlex.split(command)[1:])
        assert result.code == 0, result.err
    assert rectune("show", "last", "--json", "--store", learnt).out == story


def test_what_told_its_skill_nothing_needs_no_rollback(rectune, finished):
    told = again(rectune, ".rectune/journal.sqlite")
    assert "and told it nothing. " in told
    assert not re.findall(r"<pre><code>rectune skills rollback", told)
    (run,) = re.findall(r"<code>(rectune run .*)</code>", told)
    story = rectune("show", "last", "--json").out
    assert rectune(*shlex.split(run)[1:]).code == 0
    assert rectune("show", "last", "--json").out == story


def test_dash_is_the_terminal_and_the_files_name_tells_the_format(rectune, finished, tmp_path):
    told = rectune("report", "last", "-o", "-", "--format", "json")
    assert json.loads(told.out)["task"] == "open-bandit"
    assert told.err == ""
    assert rectune("report", "last", "-o", "report.md").code == 0
    assert (tmp_path / "report.md").read_text().startswith("# open-bandit\n")
    assert rectune("report", "last", "-o", "report.json").code == 0
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(told.out)
    assert rectune("report", "last", "-o", "other.txt", "--format", "md").code == 0
    assert (tmp_path / "other.txt").read_text() == (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("words", [("report", "last"), ("compare", "last", "other")])
def test_an_ending_of_no_format_is_refused_before_anything_is_written(rectune, finished, words, tmp_path):
    result = rectune(*words, "-o", "r.pdf")
    assert result.code == 2
    assert "no format of reports ends in .pdf" in result.err
    assert ".html, .md or .json" in result.err
    assert not (tmp_path / "r.pdf").exists()


def test_an_ending_is_read_in_any_case(rectune, finished, tmp_path):
    assert rectune("report", "last", "-o", "R.HTM").code == 0
    assert (tmp_path / "R.HTM").read_text().startswith("<!DOCTYPE html>")


def test_help_says_where_each_goes_by_default(rectune):
    told = " ".join(rectune("compare", "--help").out.split())
    assert "by default the terminal" in told
    assert "by default a file" not in told
    assert "by default RUN.html" in " ".join(rectune("report", "--help").out.split())


def test_replayed_campaigns_tell_of_slates_only_if_they_are_asked(rectune, finished):
    told = json.loads(rectune("report", "last", "-o", "-", "--format", "json").out)
    assert told["users"] == 0
    assert told["slates"] is None
    assert told["no_slates"]


def test_a_report_of_an_old_run_is_made_when_its_backend_is_gone(rectune, finished, open_bandit, tmp_path):
    text = open_bandit.read_text().replace('"data/', f'"{open_bandit.parent}/data/')
    text = text.replace("rounds  = 3", "rounds  = 1")
    log = tmp_path / "log.csv.gz"
    log.write_bytes((open_bandit.parent / "data/open_bandit.csv.gz").read_bytes())
    text = text.replace(f'"{open_bandit.parent}/data/open_bandit.csv.gz"', '"log.csv.gz"')
    (tmp_path / "own.toml").write_text(text.replace('skill   = "open-bandit"\n', ""))
    assert rectune("run", "own.toml").code == 0
    log.unlink()
    result = rectune("report", "last", "-o", "gone.html")
    assert (result.code, result.err) == (0, "wrote gone.html\n")
    assert "What changes in slates" in (tmp_path / "gone.html").read_text()


@pytest.mark.parametrize("verb", ["report", "compare"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(rectune, verb, tmp_path):
    result = rectune(verb, "last", "-o", "no/such/x.html")
    assert result.code == 2
    assert "there is no folder no/such" in result.err
    assert "make it first" in result.err


def test_an_unknown_run_is_an_error_with_a_way_out(rectune, finished):
    result = rectune("report", "nothing")
    assert result.code == 2
    assert "`rectune ls` lists the runs" in result.err


def test_a_comparison_needs_two_runs(rectune, finished):
    result = rectune("compare", "last")
    assert result.code == 2
    assert "a comparison needs two runs or more" in result.err


def test_a_run_is_not_compared_with_itself(rectune, finished):
    (row,) = Journal(".rectune/journal.sqlite").runs()
    result = rectune("compare", "last", row.run[:-2])
    assert result.code == 2
    assert f"run {row.run} is named twice" in result.err


def test_campaigns_are_compared_on_the_terminal_or_in_a_file(rectune, finished, open_bandit, tmp_path):
    assert rectune("run", open_bandit, "--seed", 4).code == 0
    names = [row.run for row in Journal(".rectune/journal.sqlite").runs()]
    told = rectune("compare", *names)
    assert told.code == 0
    for words in (*names, "Outcomes", "What differs", "seed", "safe gain"):
        assert words in told.out
    assert rectune("compare", *names, "-o", "both.html").err == "wrote both.html\n"
    assert (tmp_path / "both.html").read_text().startswith("<!DOCTYPE html>")
    both = json.loads(rectune("compare", *names, "--format", "json", "-o", "-").out)
    assert [side["run"] for side in both["sides"]] == names
    seeds = {one["setting"]: one["values"] for one in both["differences"]}["seed"]
    assert sorted(seeds) == ["0", "4"]


@pytest.mark.slow
def test_without_the_extra_html_says_what_to_install_and_the_others_do_without(
    finished, environment, tmp_path
):
    script = textwrap.dedent(
        """
        import sys
        for name in ("altair", "jinja2", "vl_convert"):
            sys.modules[name] = None  # as if it were not installed
        from rectune_dsl import cli
        sys.argv = ["rectune", *sys.argv[1:]]
        cli.main()
        """
    )

    def run(*words):
        command = [sys.executable, "-c", script, "report", "last", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    missing = run()
    assert missing.returncode == 2
    assert "an HTML report needs the package altair" in missing.stderr
    assert "pip install 'rectune[report]'" in missing.stderr
    for kind in ("md", "json"):
        assert run("--format", kind, "-o", "-").returncode == 0
