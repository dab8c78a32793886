"""What the instructions of a register program are called. Plain ints, because compiled code knows no enums.

An instruction is (operation, target, a, b, c). `target`, `a` and `b` number rows, one value per candidate.
`c` numbers a row for WHERE and a scalar, one value per request, for every operation with a scalar operand.
"""

OPERATION, TARGET, A, B, C, WIDTH = 0, 1, 2, 3, 4, 5
"""Columns of a program's code, and how many there are."""

# row with row
ADD, SUBTRACT, MULTIPLY, DIVIDE, MINIMUM, MAXIMUM = 0, 1, 2, 3, 4, 5
LESS, LESS_EQUAL, EQUAL, NOT_EQUAL = 6, 7, 8, 9

# row with scalar
ADD_SCALAR, SUBTRACT_SCALAR, SUBTRACT_FROM, MULTIPLY_SCALAR = 20, 21, 22, 23
DIVIDE_SCALAR, DIVIDE_INTO, MINIMUM_SCALAR, MAXIMUM_SCALAR = 24, 25, 26, 27
LESS_SCALAR, LESS_EQUAL_SCALAR, MORE_SCALAR, MORE_EQUAL_SCALAR = 28, 29, 30, 31
EQUAL_SCALAR, NOT_EQUAL_SCALAR, FILL = 32, 33, 34

# one row, or three
NEGATIVE, ABSOLUTE, SQUARE_ROOT, WHERE = 40, 41, 42, 43

# with exponentials and logarithms
POWER, POWER_SCALAR, LOG, LOG1P, EXP, SIGMOID, TANH = 60, 61, 62, 63, 64, 65, 66

# over all candidates of the request
RANK, ZSCORE = 80, 81

FIRST_WITH_SCALAR, FIRST_PLAIN, FIRST_TRANSCENDENTAL, FIRST_REQUEST_WIDE = 20, 40, 60, 80
"""Where each group starts."""
