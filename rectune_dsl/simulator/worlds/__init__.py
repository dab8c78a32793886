"""The bundled worlds, and how a world file is found and read."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.written import in_blocks, written
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.worldfile import WorldFile

WORLDS = ("short-video", "news-feed", "shop")
_SHOWN = 8
_ROWS = (
    ("items", "size"),
    ("responses", "*"),
    ("amounts", "*", "each"),
    ("amounts", "*", "share"),
    ("habits", "worth"),
    ("early", "*"),
    ("full", "*"),
    ("targets", "*"),
    ("standard", "*", "params", "*"),
)


def text_of(name: str, folder: Path = Path()) -> str:
    """The text of a bundled world, or of a file: what ends in .toml is a path that starts at `folder`.

    Raises UsageError when there is none.
    """
    if not name.endswith(".toml"):
        if name not in WORLDS:
            help = f"{did_you_mean(name, WORLDS)}, or name a file that ends in .toml"
            raise UsageError(f"there is no simulated world {name!r}", help=help)
        return resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the world file {name}: {error}", help="check its path") from None


def parse(text: str, name: str = "the world file") -> WorldFile:
    """A world file's text as a checked world. Raises UsageError with every problem in it."""
    try:
        return WorldFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is not TOML: {error}", help="mend that place") from None
    except ValidationError as error:
        said = [_said(dict(problem)) for problem in error.errors(include_url=False)]
        more = f"\nand {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        message = f"{name} is no world:\n" + "\n".join(said[:_SHOWN]) + more
        raise UsageError(message, help="compare it with `rectune simulate show short-video`") from None


def load(name: str, folder: Path = Path()) -> WorldFile:
    """The world of that name, or in that file. Raises UsageError when there is none, or a wrong one."""
    return parse(text_of(name, folder), name)


def exact_toml(file: WorldFile) -> str:
    """A world as a file that reads back as the same world."""
    return in_blocks(written(file), _ROWS)


def to_toml(file: WorldFile) -> str:
    """A world as a file, its numbers to four digits; targets as they were measured."""
    tree = written(file)
    return in_blocks(
        {key: value if key == "targets" else _rounded(value) for key, value in tree.items()}, _ROWS
    )


def _rounded(value: Any) -> Any:
    match value:
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list():
            return [_rounded(item) for item in value]
        case float():
            return float(f"{value:.4g}")
    return value


def _said(problem: dict[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"])) or "the file"
    help = problem.get("ctx", {}).get("help", "")
    return f"  {place}: {problem['msg']}" + (f" ({help})" if help else "")
