"""The version of all that a plugin may rely on: hooks, protocols, records, contract suites."""

from __future__ import annotations

API_VERSION = 1
"""Goes up when a plugin that keeps to `hooks/api.py` and `hooks/specs.py` would have to be changed. What is
added (a hook, an optional protocol, a field with a default) does not raise it.

A plugin may say for which version it is written, `rectune_api = 1` in its module. One that was written for
another version than this rectune keeps is named and left out, like any plugin that does not load; one that
says nothing is taken as written for this one."""
OLDEST_API_VERSION = 1
"""The oldest version whose plugins still load."""
