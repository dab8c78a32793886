"""Packages that only some reports need."""

from __future__ import annotations

import importlib

from rectune_dsl.hooks.errors import UsageError

INSTALL = "pip install 'rectune[report]'"


def needed(*modules: str) -> None:
    """Import modules of the extra `report`. Raises UsageError where one of them is not installed."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"an HTML report needs the package {error.name}, which is not installed",
                help=f"{INSTALL}; the formats md and json need nothing more",
            ) from None
