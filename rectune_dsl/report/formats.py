"""Problems of task files as other programs read them: JSON, and the commands of GitHub's workflows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rectune_dsl.dsl.diagnostics import Diagnostic


def to_json(files: int, problems: Sequence[Diagnostic], changes: Sequence[Mapping[str, Any]] = ()) -> str:
    """One object. Lines and columns count characters from 1; the `start` and `end` of edits count characters
    from 0 behind a byte order mark."""
    errors = sum(p.severity == "error" for p in problems)
    report: dict[str, Any] = {
        "files": files,
        "errors": errors,
        "warnings": len(problems) - errors,
        "diagnostics": [_record(p) for p in problems],
    }
    if changes:
        report["fixed"] = list(changes)
    return json.dumps(report, ensure_ascii=False, indent=2)


def _record(problem: Diagnostic) -> dict[str, Any]:
    edits = [{"path": e.path, "start": e.start, "end": e.end, "text": e.text} for e in problem.fix or ()]
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "help": problem.help,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "end_column": problem.end_column,
        "fix": edits or None,
    }


def to_github(problem: Diagnostic) -> str:
    """A workflow command that puts the problem beside its line in a pull request."""
    properties = {
        "file": problem.path,
        "line": problem.line,
        "col": problem.column,
        "endColumn": max(problem.end_column, problem.column),
        "title": problem.code,
    }
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    text = f"{problem.message}\nhelp: {problem.help}" if problem.help else problem.message
    return f"::{problem.severity} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
