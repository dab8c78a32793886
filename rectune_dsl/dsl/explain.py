"""A rule told in full: what it finds, why it is there, a wrong and a right example."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rectune_dsl.dsl.rules import RULES, Rule


@dataclass(frozen=True)
class Example:
    """Fragments of a task file, laid over `base()` without what `drop` names; files of their own where they
    are `whole`, and not to be checked where they are only `told`."""

    wrong: str
    right: str
    drop: tuple[str, ...] = ()
    whole: bool = False
    told: bool = False


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads(files("rectune_dsl.dsl").joinpath("examples.toml").read_text(encoding="utf-8"))


def base() -> str:
    """The task that the examples are laid over."""
    text: str = _texts()["base"]
    return text


def example(code: str) -> Example | None:
    """A rule's example; None where none was written."""
    found = _texts().get(code)
    if found is None:
        return None
    return Example(**{**found, "drop": tuple(found.get("drop", ()))})


def title(code: str) -> str:
    """One line about a rule."""
    rule = RULES[code]
    return f"{rule.title}{' (warning)' if rule.severity == 'warning' else ''}"


def page(code: str) -> str:
    """A rule's page, in Markdown."""
    rule, shown = RULES[code], example(code)
    parts = [f"# {code}: {rule.title}", _kind(code, rule), rule.why]
    if shown is not None:
        parts += ["Wrong:", _block(shown, shown.wrong), "Right:", _block(shown, shown.right)]
    return "\n\n".join(parts) + "\n"


def index_page() -> str:
    """The list of all rules, in Markdown."""
    lines = [
        "# Rules",
        "",
        "Every problem that `rectune check` reports has a code; `rectune explain CODE` prints its page.",
        "Errors keep a task from being run, warnings do not.",
        "",
        "| code | finds |",
        "|---|---|",
    ]
    return "\n".join([*lines, *(f"| [{code}]({code}.md) | {title(code)} |" for code in RULES)]) + "\n"


def _kind(code: str, rule: Rule) -> str:
    when = "before launch, with the backend" if code.startswith("RT9") else "by `rectune check`"
    return f"{'An error' if rule.severity == 'error' else 'A warning'}, found {when}."


def _block(shown: Example, text: str) -> str:
    is_toml = not shown.told or text.lstrip().startswith("[")
    return f"```{'toml' if is_toml else 'text'}\n{text.strip()}\n```"
