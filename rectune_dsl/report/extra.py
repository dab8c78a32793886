"""Packages that only some reports need."""

from __future__ import annotations

import importlib

from rectune_dsl.hooks.errors import UsageError

INSTALL = "pip install 'rectune[report]'"


def needed(purpose: str, *modules: str, otherwise: str = "") -> None:
    """Import modules of the extra `report`. Raises UsageError where one of them is not installed, which says
    for what it is needed and how to do without it."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"{purpose} needs the package {error.name}, which is not installed",
                help="; ".join(filter(None, (INSTALL, otherwise))),
            ) from None
