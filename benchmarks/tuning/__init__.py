"""Tuners at equal traffic: the problems, the rounds, the scores, and who takes part."""
