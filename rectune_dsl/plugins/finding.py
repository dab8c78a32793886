"""Where plugins come from: rectune itself, what is installed, and single files."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from rectune_dsl.hooks.errors import UsageError

GROUP = "rectune"
"""The entry-point group of plugins."""


@dataclass(frozen=True)
class Found:
    """A plugin that was found and not loaded yet. `distribution` is what was installed to bring it; empty
    for one that was not installed."""

    name: str
    version: str
    origin: str
    distribution: str
    load: Callable[[], Any]


def built_in() -> Found:
    module = partial(importlib.import_module, "rectune_dsl.plugins.builtin")
    return Found("rectune", _version("rectune"), "built in", "rectune", module)


def installed() -> Iterator[Found]:
    """Those that the entry points of distributions name, by name."""
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        version, distribution = (entry.dist.version, entry.dist.name) if entry.dist else ("", "")
        yield Found(entry.name, version, entry.value, distribution, entry.load)


def from_file(file: Path) -> Found:
    return Found(file.stem, "", str(file), "", partial(_module_from, file))


def _module_from(file: Path) -> ModuleType:
    if not file.is_file():
        raise UsageError(f"there is no plugin file {file}", help="give the path of a .py file")
    spec = importlib.util.spec_from_file_location(f"rectune_plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is not a Python file", help="give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
