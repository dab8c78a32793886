"""Stylesheets and scripts. Their paths change with their contents, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata, resources

from rectune_dsl.report.html.body import asset
from rectune_dsl.report.html.file import library

_SHORT = 16
_STYLE, _SCRIPT = "text/css; charset=utf-8", "text/javascript; charset=utf-8"


@dataclass(frozen=True)
class Asset:
    """A file that pages link to. `read` may take seconds, the first time."""

    path: str
    kind: str
    read: Callable[[], str]


@cache
def assets() -> Mapping[str, Asset]:
    """Every asset by its name."""
    own = resources.files("rectune_dsl.ui") / "assets"
    texts = {name: asset(name) for name in ("report.css", "charts.js")}
    texts |= {name: (own / name).read_text(encoding="utf-8") for name in ("console.css", "console.js")}
    made = {name: _asset(name, text, partial(str, text)) for name, text in texts.items()}
    # what draws charts is put together by its package, and is the same for one version of that
    return {**made, "vega.js": _asset("vega.js", metadata.version("vl-convert-python"), library)}


def _asset(name: str, known_by: str, read: Callable[[], str]) -> Asset:
    digest = hashlib.sha256(known_by.encode()).hexdigest()[:_SHORT]
    return Asset(f"/assets/{digest}/{name}", _STYLE if name.endswith(".css") else _SCRIPT, read)
