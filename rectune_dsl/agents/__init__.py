"""The five agents, numeric: who proposes, reviews, watches, learns and remembers."""
