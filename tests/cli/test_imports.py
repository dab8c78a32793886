"""What `check` costs is mostly what it imports."""

import subprocess
import sys


def test_check_imports_nothing_it_does_not_need(environment, open_bandit):
    script = f"""
import sys
from rectune_dsl import cli
sys.argv = ["rectune", "check", {str(open_bandit)!r}]
try:
    cli.main()
except SystemExit:
    pass
heavy = {{"scipy", "sqlalchemy", "rich", "google.genai", "rectune_dsl.hooks.api", "rectune_dsl.agents"}}
print(sorted(heavy & set(sys.modules)))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
