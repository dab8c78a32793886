"""The five agents, numeric or asking a model: who proposes, reviews, watches, learns and remembers."""
