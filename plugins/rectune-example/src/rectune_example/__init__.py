"""A plugin of rectune to read."""
