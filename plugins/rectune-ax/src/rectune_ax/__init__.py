"""Ax as an actor of rectune."""
