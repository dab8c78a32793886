"""Rehearsals: a script makes the traffic before it is observed."""

from datetime import UTC, datetime, timedelta

import pytest
from rectune_warehouse import rehearsal
from rectune_warehouse.rehearsal import play

from rectune_dsl.hooks.api import BackendError

UNTIL = datetime(2026, 1, 6, tzinfo=UTC)


def test_the_script_is_run_in_its_folder_with_the_time_until_when(tmp_path):
    script = tmp_path / "traffic.py"
    script.write_text("import sys\nopen('asked', 'a').write(f'{sys.argv[1:]}')\n")
    play(script, UNTIL)
    assert (tmp_path / "asked").read_text() == "['2026-01-06T00:00:00+00:00']"


@pytest.mark.parametrize(
    ("text", "said"), [("raise SystemExit('no flag')", "no flag"), ("raise SystemExit(3)", "exit code 3")]
)
def test_a_script_that_fails_is_told_of(tmp_path, text, said):
    (tmp_path / "traffic.py").write_text(text)
    with pytest.raises(BackendError, match=said) as error:
        play(tmp_path / "traffic.py", UNTIL)
    assert "python traffic.py 2026-01-06T00:00:00+00:00" in error.value.help


def test_a_script_that_is_not_there_is_told_of(tmp_path):
    with pytest.raises(BackendError, match=r"traffic\.py failed"):
        play(tmp_path / "traffic.py", UNTIL)


def test_a_script_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsal, "LONGEST", timedelta(seconds=0.2))
    (tmp_path / "traffic.py").write_text("import time\ntime.sleep(60)")
    with pytest.raises(BackendError, match="took more than"):
        play(tmp_path / "traffic.py", UNTIL)


def test_a_script_does_not_see_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "abc")
    (tmp_path / "traffic.py").write_text("import os\nassert 'GEMINI_API_KEY' not in os.environ")
    play(tmp_path / "traffic.py", UNTIL)
