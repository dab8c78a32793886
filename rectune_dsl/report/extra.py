"""Packages that only some readers of reports need."""

from __future__ import annotations

import importlib

from rectune_dsl.hooks.errors import UsageError


def needed(*modules: str, of: str, extra: str, instead: str = "") -> None:
    """Import modules that an `extra` of this package brings. Raises UsageError where one of them is not
    installed: `of` is what needs it, `instead` what needs less."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            other = f"; {instead}" if instead else ""
            raise UsageError(
                f"{of} needs the package {error.name}, which is not installed",
                help=f"pip install 'rectune[{extra}]'{other}",
            ) from None
