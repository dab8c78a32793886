"""Writes a new plugin package from templates that lie beside this file.

A template is a file of the package `rectune-sample`, whose words are replaced: what is special to a kind by
`Sort`, names by the plugin's own.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, get_args

from rectune_dsl.hooks.errors import UsageError

Kind = Literal["backend", "agent", "llm", "function", "command"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 30
_SUFFIX = ".in"
_PROMISE = """Among these is the contract that rectune has for plugins of this kind, `{}`. No patch release of
rectune adds a test to it.
"""


@dataclass(frozen=True)
class Sort:
    """What is special to a kind of plugin: what it is, how it is used, and which contract it keeps, if there
    is one for its kind."""

    about: str
    use: str
    contract: str = ""


SORTS: Mapping[Kind, Sort] = {
    "backend": Sort(
        "A backend of rectune: runs its A/B tests on a platform.",
        'A task names it: `[experiment] backend = "sample-name"`.',
        "BackendContract",
    ),
    "agent": Sort(
        "An actor of rectune: proposes what is tested next.",
        'A task names it: `[agents] actor = "sample-name"`.',
        "ActorContract",
    ),
    "llm": Sort(
        "A provider of language models for rectune.",
        'A task names it: `[llm] provider = "sample-name"`.',
        "LLMContract",
    ),
    "function": Sort(
        "A function that formulas of rectune may call.",
        "A formula calls it: `sample_name(p_click)`.",
        "FunctionContract",
    ),
    "command": Sort(
        "A command of rectune.",
        "It is called as `rectune sample-name`.",
    ),
}


@dataclass(frozen=True)
class Scaffold:
    """A plugin to be written. `name` is what tasks or command lines call it. Raises UsageError for a name
    that could not be a package's."""

    name: str
    kind: Kind

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise UsageError(
                f"{self.name!r} cannot be a plugin's name",
                help="write small letters, digits and single hyphens, a letter first, such as `my-house`",
            )
        if len(self.name) > _LONGEST:
            raise UsageError(f"{self.name!r} is longer than {_LONGEST} letters", help="choose a shorter name")
        if keyword.iskeyword(self.name) or self.name == "dsl":
            raise UsageError(f"{self.name!r} means something else", help="choose another name")

    @classmethod
    def of(cls, name: str, kind: Kind) -> Scaffold:
        """`house` and `rectune-house` are the same plugin."""
        return cls(name.removeprefix("rectune-"), kind)

    @property
    def distribution(self) -> str:
        return f"rectune-{self.name}"

    @property
    def identifier(self) -> str:
        return self.name.replace("-", "_")

    def files(self) -> dict[str, str]:
        """Every file's text by its path below the package's folder."""
        folder = resources.files("rectune_dsl.plugins").joinpath("templates")
        found = {}
        for part in ("common", self.kind):
            for path, text in _below(folder.joinpath(part)):
                found[self._replaced(path)] = self._replaced(text)
        return found

    def write(self, folder: Path) -> list[Path]:
        """Write the package into `folder`, which must not be there. Raises UsageError where it is."""
        if folder.exists():
            raise UsageError(
                f"{folder} is there already; nothing was written", help="name another folder with -o"
            )
        paths = []
        for name, text in self.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            if text.startswith("#!"):
                path.chmod(0o755)
            paths.append(path)
        return paths

    def _replaced(self, text: str) -> str:
        return _with(self._names(), _with(self._told(), text))

    def _told(self) -> Mapping[str, str]:
        """What is special to the kind. Names may be in it."""
        sort = SORTS[self.kind]
        return {
            "SAMPLE_ENTRY_POINT": self._entry_point(),
            "SAMPLE_ABOUT": sort.about,
            "SAMPLE_USE": sort.use,
            "SAMPLE_CONTRACT": f"\n{_PROMISE.format(sort.contract)}" if sort.contract else "",
        }

    def _names(self) -> Mapping[str, str]:
        return {
            "SAMPLE_": f"{self.identifier.upper()}_",
            "rectune-sample": self.distribution,
            "rectune_sample": f"rectune_{self.identifier}",
            "sample-name": self.name,
            "sample_name": self.identifier,
        }

    def _entry_point(self) -> str:
        if self.kind == "command":
            return '[project.entry-points."rectune.commands"]\nsample-name = "rectune_sample.command:command"'
        return '[project.entry-points.rectune]\nsample-name = "rectune_sample.plugin"'


def _with(words: Mapping[str, str], text: str) -> str:
    """The text with its words replaced, all at once: what they become is not looked at again."""
    return re.sub("|".join(words), lambda found: words[found[0]], text)


def _below(folder: Traversable, at: str = "") -> Iterator[tuple[str, str]]:
    """Templates of a folder and of those in it: path and text."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _below(entry, f"{at}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield at + entry.name.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")
