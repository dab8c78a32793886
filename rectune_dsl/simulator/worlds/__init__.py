"""The bundled worlds, and how a world file is found and read."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.written import in_blocks, written
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.worldfile import WorldFile
from rectune_dsl.simulator.worlds.problems import read

WORLDS = ("short-video", "news-feed", "shop")
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
            known = did_you_mean(name, WORLDS)
            help = (
                f"{known} Or name a file that ends in .toml"
                if known.endswith("?")
                else f"{known}, or a file that ends in .toml"
            )
            raise UsageError(f"there is no simulated world {name!r}", help=help)
        return resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the world file {name}: {error}", help="check its path") from None


def parse(text: str, name: str = "the world file") -> WorldFile:
    """A world file's text as a checked world. Raises UsageError with every problem in it."""
    return read(Source(name, text))


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
