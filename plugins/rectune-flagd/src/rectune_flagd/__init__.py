"""rectune with arms that flagd serves."""
