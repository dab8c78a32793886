"""Greedy diversity against a plain loop."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.funnel.rerank import Repeats, pick_diverse

ROW = st.lists(
    st.tuples(
        st.sampled_from([math.nan, math.inf, -math.inf]) | st.integers(-20, 20).map(float),
        st.integers(0, 3),
        st.booleans(),
    ),
    min_size=7,
    max_size=7,
)


def _greedy(row, keep, penalty, most):
    picked: list[int] = []
    while len(picked) < min(keep, len(row)):
        count = {i: sum(row[p][1] == row[i][1] for p in picked) for i in range(len(row))}
        open_ = [i for i in range(len(row)) if i not in picked and row[i][2] and count[i] < most]
        if not open_:
            return picked + [-1] * (min(keep, len(row)) - len(picked))

        def worth(i, count=count):
            score = row[i][0]
            if math.isnan(score):
                return (1, 0.0, i)
            return (0, -(score - penalty * count[i]), i)

        picked.append(min(open_, key=worth))
    return picked


@given(
    st.lists(ROW, min_size=1, max_size=4),
    st.integers(1, 9),
    st.sampled_from([0.0, 0.5, 1.0, 4.0, -1.0]),
    st.sampled_from([None, 1, 2, 3]),
)
def test_it_picks_what_a_plain_greedy_loop_picks(rows, keep, penalty, most):
    scores = np.array([[c[0] for c in row] for row in rows], np.float32)
    keys = np.array([[c[1] for c in row] for row in rows], np.int32)
    valid = np.array([[c[2] for c in row] for row in rows])
    picked = pick_diverse(scores, Repeats(keys, penalty, most), keep, valid)
    expected = [_greedy(row, keep, penalty, math.inf if most is None else most) for row in rows]
    assert picked.tolist() == expected


def test_a_hard_cap_leaves_the_slate_short():
    repeats = Repeats(np.array([[7, 7, 7]], np.int32), penalty=0.0, most=2)
    picked = pick_diverse(np.array([[3, 2, 1]], np.float32), repeats, 3)
    assert picked.tolist() == [[0, 1, -1]]


@given(st.lists(ROW, min_size=2, max_size=4), st.integers(1, 7), st.randoms(use_true_random=False))
def test_each_request_may_have_a_penalty_of_its_own(rows, keep, random):
    scores = np.array([[c[0] for c in row] for row in rows], np.float32)
    keys = np.array([[c[1] for c in row] for row in rows], np.int32)
    penalty = np.array([[random.choice([0.0, 0.5, 2.0])] for _ in rows], np.float32)
    picked = pick_diverse(scores, Repeats(keys, penalty, None), keep)
    for i in range(len(rows)):
        alone = Repeats(keys[i : i + 1], float(penalty[i, 0]), None)
        assert picked[i].tolist() == pick_diverse(scores[i : i + 1], alone, keep)[0].tolist()
