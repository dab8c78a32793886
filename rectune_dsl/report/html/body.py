"""A page as HTML. Whoever serves it brings the stylesheet and the script, or has them put into one file."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from rectune_dsl.report.charts.spec import spec_of
from rectune_dsl.report.pages.blocks import Block, Page, Panel
from rectune_dsl.skillhub.render import printable

_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What must not stand in JSON inside a script element, and what means the same to JSON."""


def body(page: Page) -> str:
    """The page's header, contents and sections, without `<html>`: every text escaped, nothing to execute, no
    inline style. Charts are drawn by the script (`assets`) from data beside them."""
    return str(environment().get_template("body.html").render(page=page))


@cache
def environment() -> Any:
    """Templates that escape every value, after dropping what cannot be seen: no template can forget it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("rectune_dsl.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    made.globals["spec"] = _spec
    made.filters["inline"] = _inline
    made.filters["kind"] = _kind
    return made


def asset(name: str) -> str:
    """A file of `assets/`."""
    return (resources.files("rectune_dsl.report.html") / "assets" / name).read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    """Plain strings without control and invisible characters; what is marked as HTML stays as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return value if value.isprintable() else printable(value)  # most are, of very many


def _inline(text: str) -> Any:
    """A sentence, in which what stands between backticks is code."""
    from markupsafe import Markup, escape

    text = _visible(text)
    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return text
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if at % 2 else part for at, part in enumerate(parts))


def _spec(panel: Panel) -> Any:
    """A panel's chart as JSON that may stand in a script element."""
    from markupsafe import Markup

    text = json.dumps(spec_of(panel), separators=(",", ":"), allow_nan=False)
    for character, escaped in _UNSAFE.items():
        text = text.replace(character, escaped)
    return Markup(text)


def _kind(block: Block) -> str:
    """Which macro of the templates shows a block."""
    return type(block).__name__.lower()
