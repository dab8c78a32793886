"""Do the rules of evidence keep their word? One module per promise; `evidence.py` runs them."""
