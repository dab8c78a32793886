"""Rehearsals: a script makes the traffic before it is observed."""

from datetime import UTC, datetime

import pytest
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
