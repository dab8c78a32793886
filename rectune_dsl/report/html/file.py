"""One self-contained HTML file: it asks nothing of any network, and executes nothing but its own scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from rectune_dsl.report.html.body import asset, body, environment
from rectune_dsl.report.pages.blocks import Page


def html_file(page: Page) -> str:
    """The page with its stylesheet and scripts."""
    from markupsafe import Markup

    style, scripts = asset("report.css"), (library(), asset("charts.js"))
    made = environment().get_template("file.html")
    return str(
        made.render(
            page=page,
            body=Markup(body(page)),
            style=Markup(style),
            scripts=[Markup(script) for script in scripts],
            policy=_policy(style, scripts),
            version=version("rectune"),
        )
    )


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, as `window.vegaEmbed`."""
    import vl_convert

    bundle: Any = vl_convert.javascript_bundle  # whose types ask for what it has a default for
    return str(bundle())


def _policy(style: str, scripts: Sequence[str]) -> str:
    """A Content-Security-Policy that names what the file holds by its hash, and allows nothing else."""
    allowed = " ".join(map(_hashed, scripts))
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:"
    return f"{nothing}; style-src {_hashed(style)}; script-src {allowed}"


def _hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
