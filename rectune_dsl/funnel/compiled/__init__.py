"""The compiled reader of a stage: its formulas as a register program that one kernel runs, request by request.

Only `program` and `opcodes` may be imported where numba is not installed.
"""
