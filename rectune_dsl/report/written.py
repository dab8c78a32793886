"""Reports in the formats that they are written in."""

from __future__ import annotations

import json
from typing import Any

from rectune_dsl.memory.codec import encode
from rectune_dsl.report.extra import needed
from rectune_dsl.report.pages.blocks import Page


def written(kind: str, facts: Any, page: Page) -> str:
    """A page as `html` or `md`, or as `json` the facts that it was made of. Raises UsageError for HTML where
    the extra is missing."""
    if kind == "json":
        return json.dumps(json.loads(encode(type(facts), facts)), indent=2, ensure_ascii=False) + "\n"
    if kind == "md":
        from rectune_dsl.report.markdown import markdown

        return markdown(page)
    without = "the formats md and json need nothing more"
    needed("an HTML report", "altair", "jinja2", "vl_convert", otherwise=without)
    from rectune_dsl.report.html.file import html_file

    return html_file(page)
