"""Packages that only some reports need."""

from __future__ import annotations

import importlib

from rectune_dsl.hooks.errors import UsageError


def needed(purpose: str, *modules: str, extra: str = "report", otherwise: str = "") -> None:
    """Import modules of an extra of this package. Raises UsageError where one of them is not installed, which
    says for what it is needed and how to do without it."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"{purpose} needs the package {error.name}, which is not installed",
                help="; ".join(filter(None, (f"pip install 'rectune[{extra}]'", otherwise))),
            ) from None
