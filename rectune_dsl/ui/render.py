"""Answers made of templates: whole pages, and the parts of them that are replaced while somebody watches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse

from rectune_dsl.report.html.body import environment
from rectune_dsl.ui.assets import assets

_SHORT = 16


@dataclass(frozen=True)
class Part:
    """A piece of a page that may change while it is watched: `name` is the id of its element, `version`
    changes with the `html`."""

    name: str
    html: str
    version: str


def part(name: str, template: str, **values: Any) -> Part:
    """The part that a template makes."""
    html = str(_templates().get_template(template).render(values))
    return Part(name, html, _digest(html))


def together(parts: Iterable[Part]) -> str:
    """Changes with any of the parts."""
    return _digest(" ".join(part.version for part in parts))


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page, within the frame that all have. `outcome` is that of what was asked for just before."""
    session = getattr(request.state, "session", None)
    frame = {
        "assets": {name: asset.path for name, asset in assets().items()},
        "by": request.app.state.desk.by,
        "csrf": session.csrf if session else "",
        "outcome": session.outcome(request.query_params.get("outcome", "")) if session else None,
    }
    return HTMLResponse(str(_templates().get_template(template).render({**frame, **values})), status)


def run_path(run: str) -> str:
    """Where the page of a run is."""
    return f"/runs/{quote(run, safe='')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


@cache
def _templates() -> Any:
    """The console's templates and the report's; the same rules hold for both."""
    from jinja2 import ChoiceLoader, PackageLoader

    reports = environment()
    return reports.overlay(loader=ChoiceLoader([PackageLoader("rectune_dsl.ui"), reports.loader]))
