"""What the contract suites have promised to ask, and no more, until the next minor release.

    python tests/testing/promise.py

writes the list anew, `promised.toml`. It may be longer than before only in the first release of a minor
version: whoever passed a suite passes it after a patch.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import tomli_w

sys.path.insert(0, str(Path(__file__).parent))

from suites import cases_of

from rectune_dsl import testing

LIST = Path(__file__).parent / "promised.toml"
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
COMMAND = "python tests/testing/promise.py"
SUITES = [getattr(testing, name) for name in testing.__all__]
HEADER = f"# The tests of all contract suites in one minor release, made by `{COMMAND}`.\n"


def version() -> tuple[str, int]:
    """The minor version of this source, such as "0.1", and the number of its patch."""
    major, minor, patch = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["version"].split(
        "."
    )
    return f"{major}.{minor}", int(patch)


def asked(suites: Iterable[type] = SUITES) -> list[str]:
    """Every test of the suites, with every value that it is asked for."""
    return [f"{suite.__name__}::{case}" for suite in suites for case in cases_of(suite)]


def broken(found: Iterable[str], promised: dict[str, object], release: str, patch: int) -> str:
    """How these tests break the promise and what to do about it, in words; empty where they keep it."""
    if promised["release"] != release:
        return f"the list is of {promised['release']}, and this is {release}: run `{COMMAND}`"
    more = [test for test in found if test not in promised["tests"]]
    if not more:
        return ""
    what = f"{promised['release']} did not promise to ask {', '.join(more)}"
    if patch == 0:
        return f"{what}: run `{COMMAND}`, and say in the changelog what is asked now"
    return f"{what}: raise the minor version in pyproject.toml, then run `{COMMAND}`; or leave them out"


def main() -> None:
    release, patch = version()
    listed = tomllib.loads(LIST.read_text(encoding="utf-8")) if LIST.exists() else {"release": ""}
    if patch and (problem := broken(asked(), listed, release, patch)):
        sys.exit(problem)
    LIST.write_text(HEADER + tomli_w.dumps({"release": release, "tests": asked()}), encoding="utf-8")


if __name__ == "__main__":
    main()
