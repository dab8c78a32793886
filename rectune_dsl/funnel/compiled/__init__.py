"""The compiled reader of a stage: its formulas as a register program that one kernel runs.

Only `program`, `lower` and `opcodes` can be imported where numba is not installed.
"""
