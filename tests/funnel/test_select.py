"""Top-k against Python's own sort."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rectune_dsl.funnel.select import keep_best, sort_best

SCORES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 12)),
    elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, math.inf, -math.inf, math.nan])
    | st.floats(width=32),
)


def _order(row, valid):
    """Positions best first: what is not there last, NaN before that, ties by position."""

    def key(i):
        if not valid[i]:
            return (2, 0.0, i)
        return (1, 0.0, i) if math.isnan(row[i]) else (0, -float(row[i]), i)

    return sorted(range(len(row)), key=key)


@given(SCORES, st.integers(1, 14), st.randoms(use_true_random=False))
def test_the_best_are_kept_and_sorted_with_ties_broken_by_position(scores, keep, random):
    valid = np.array([[random.random() < 0.7 for _ in row] for row in scores])
    kept, best_first = keep_best(scores, keep, valid), sort_best(scores, keep, valid)
    for row, there, k, b in zip(scores, valid, kept, best_first, strict=True):
        expected = _order(row, there)[:keep]
        assert k.tolist() == sorted(expected)
        assert b.tolist() == expected


@given(SCORES, st.integers(1, 14))
def test_a_row_is_selected_alone_as_among_others(scores, keep):
    together = sort_best(scores, keep)
    alone = [sort_best(scores[i : i + 1], keep)[0] for i in range(len(scores))]
    assert together.tolist() == [row.tolist() for row in alone]


def test_scores_are_left_as_they_were():
    scores = np.array([[-0.0, 3.0, -2.0]], np.float32)
    before = scores.tobytes()
    sort_best(scores, 2)
    assert scores.tobytes() == before
