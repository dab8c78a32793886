"""What a store's version is called, and which is this rectune's."""

from __future__ import annotations

VERSION_TABLE = "rectune_version"
"""Holds the name of the last script that was applied."""
HEAD = "0003"
"""The last script in `versions`."""
