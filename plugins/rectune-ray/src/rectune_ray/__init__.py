"""rectune on Ray."""
