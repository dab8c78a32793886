"""The figure of the rooms: the layers and contracts that import-linter checks, and what each room is for."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
ROW, TOP, WIDTH = 32, 64, 1040
NAMES, ABOUTS, CONTRACTS = 24, 150, 880
"""Where columns begin, and how far apart those of contracts are."""
APART = 70
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
  role="img" aria-labelledby="title desc">
  <!-- made by docs/generate.py -->
  <title id="title">The rooms of rectune</title>
  <desc id="desc">{about}</desc>
  <style>
    text {{ font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 13px; fill: #334155 }}
    .room {{ font-size: 15px; font-weight: 600; fill: #0f172a }} .no {{ fill: #b45309; font-weight: 600 }}
    .card {{ fill: #f8fafc; stroke: #cbd5e1 }} .all {{ fill: #ffffff }}
  </style>
  <rect class="all" width="{width}" height="{height}"/>
"""


def rooms_figure() -> str:
    """The rooms from top to bottom; beside them, per contract, who keeps away from what."""
    layers, forbidden = _contracts()
    height = TOP + ROW * len(layers) + 24 * (len(forbidden) + 2)
    below = ", ".join(layers)
    about = f"Imports go downward only, in this order: {below}. {'. '.join(c['name'] for c in forbidden)}."
    lines = [*_header(forbidden), *_rooms(layers, forbidden), *_legend(len(layers), forbidden)]
    head = HEAD.format(width=WIDTH, height=height, about=escape(about))
    return head + "".join(f"  {line}\n" for line in lines) + "</svg>\n"


def _contracts() -> tuple[list[str], list[Mapping[str, Any]]]:
    contracts = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return layers, [contract for contract in contracts if contract["type"] == "forbidden"]


def _header(forbidden: list[Mapping[str, Any]]) -> Iterator[str]:
    yield _text(NAMES, 36, "Imports go downward only", "room")
    for number in range(len(forbidden)):
        yield _text(CONTRACTS + APART * number, 36, "ABCDEFGH"[number], "room")


def _rooms(layers: list[str], forbidden: list[Mapping[str, Any]]) -> Iterator[str]:
    for row, room in enumerate(layers):
        y = TOP + ROW * row
        about = (
            (importlib.import_module(f"rectune_dsl.{room}").__doc__ or "").replace("`", "").split("\n\n")[0]
        )
        yield f'<rect class="card" x="12" y="{y - 6}" width="{WIDTH - 24}" height="{ROW - 6}" rx="5"/>'
        yield _text(NAMES, y + 12, f"{room}/", "room")
        yield _text(ABOUTS, y + 12, _shortened(" ".join(about.split())))
        for number, contract in enumerate(forbidden):
            x = CONTRACTS + APART * number
            if f"rectune_dsl.{room}" in contract["source_modules"]:
                yield _text(x, y + 12, "●")
            for module in contract["forbidden_modules"]:
                if module.split(".")[1] == room:
                    yield _text(x, y + 12, " ".join(["✕", *module.split(".")[2:]]), "no")


def _legend(rows: int, forbidden: list[Mapping[str, Any]]) -> Iterator[str]:
    y = TOP + ROW * rows + 18
    for number, contract in enumerate(forbidden):
        yield _text(NAMES, y + 24 * number, f"{'ABCDEFGH'[number]}: {contract['name']}: ● must not import ✕")


def _shortened(about: str) -> str:
    """The first sentence, or as many of its words as there is room for."""
    sentence = about.split(". ")[0].rstrip(".")
    if len(sentence) <= 105:
        return sentence
    return sentence[:104].rsplit(" ", 1)[0].rstrip(",:") + " …"


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    shown = f' class="{kind}"' if kind else ""
    return f'<text{shown} x="{x}" y="{y}">{escape(text)}</text>'
