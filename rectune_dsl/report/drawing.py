"""A simulated world in one picture, written as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.report.extra import needed
from rectune_dsl.report.pages import world
from rectune_dsl.simulator.describe import Description

FORMATS = (".png", ".svg", ".pdf")
_COLUMNS = 3
_WIDTH, _HEIGHT = 390, 290
_SCALE = 1.5


def drawable(path: Path) -> None:
    """Raises UsageError without the extra `report`, or when the path's ending is none of `FORMATS`."""
    needed("a picture", "altair", "vl_convert")
    if path.suffix.lower() not in FORMATS:
        message = f"cannot draw {path}: {path.suffix or 'a name without an ending'} is no format of pictures"
        raise UsageError(message, help=f"name a file that ends in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def draw(told: Description, path: Path) -> None:
    """Write the picture; its format follows from the path's ending, which has to be `drawable`. Raises
    UsageError when it cannot be written."""
    from rectune_dsl.report.charts.spec import picture_of

    spec = picture_of(world.title(told), world.panels(told), _COLUMNS, _WIDTH, _HEIGHT)
    try:
        path.write_bytes(_drawn(json.dumps(spec, allow_nan=False), path.suffix.lower()))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}", help="name another file") from None


def _drawn(spec: str, ending: str) -> bytes:
    import vl_convert

    convert: Any = vl_convert  # whose types ask for what it has defaults for
    if ending == ".svg":
        return str(convert.vegalite_to_svg(spec)).encode()
    if ending == ".pdf":
        return bytes(convert.vegalite_to_pdf(spec))
    return bytes(convert.vegalite_to_png(spec, scale=_SCALE))
