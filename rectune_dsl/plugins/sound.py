"""Whether a plugin can be taken at its word: written for these hooks, and none of them misspelt."""

from __future__ import annotations

import pluggy

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks import specs
from rectune_dsl.hooks.errors import PluginError
from rectune_dsl.hooks.version import API_VERSION, OLDEST_API_VERSION

PREFIX = "rectune_"
HOOKS = tuple(name for name in vars(specs) if name.startswith(PREFIX))
DECLARATION = "rectune_api"
"""The attribute in which a plugin may say for which version of the hooks it is written."""


def check(plugin: object, manager: pluggy.PluginManager) -> None:
    """Raises PluginError for a plugin of other hooks than these, and for hooks that nobody would call."""
    _check_version(plugin)
    for name in dir(plugin):
        marks = manager.parse_hookimpl_opts(plugin, name)
        if marks is None and name in HOOKS:
            raise PluginError(f"nobody would call `{name}`", help="write @hookimpl above it")
        hook = name if marks is None else marks.get("specname") or name
        if marks is not None and hook not in HOOKS:
            raise PluginError(f"there is no hook `{hook}`", help=did_you_mean(hook, HOOKS))


def version_of(plugin: object) -> object:
    """The version of the hooks that a plugin says it is written for; this one's where it says nothing."""
    return getattr(plugin, DECLARATION, API_VERSION)


def _check_version(plugin: object) -> None:
    version = version_of(plugin)
    if not isinstance(version, int):
        raise PluginError(f"{DECLARATION} = {version!r} is no whole number", help=f"write {API_VERSION}")
    if version > API_VERSION:
        raise PluginError(
            f"it is written for version {version} of the hooks, and this rectune has {API_VERSION}",
            help="update rectune, or install an older version of the plugin",
        )
    if version < OLDEST_API_VERSION:
        raise PluginError(
            f"it is written for version {version} of the hooks, and this rectune has "
            f"{OLDEST_API_VERSION} to {API_VERSION}",
            help="update the plugin",
        )
