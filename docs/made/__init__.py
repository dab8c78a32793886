"""Pages and figures that `docs/generate.py` makes from the code."""
