"""Quotas against all slates there are."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.funnel.blend import UNLIMITED, Quotas, keep_blended, pick_blended, sort_blended
from rectune_dsl.funnel.rerank import Repeats, pick_diverse
from rectune_dsl.funnel.select import sort_best

SOURCES = 2
ROW = st.lists(
    st.tuples(st.integers(-3, 3).map(float), st.integers(0, SOURCES), st.booleans() | st.just(True)),
    min_size=5,
    max_size=5,
)
LEAST = st.tuples(*[st.integers(0, 3)] * SOURCES)
MOST = st.tuples(*[st.just(UNLIMITED) | st.integers(0, 3)] * SOURCES)
PINS = st.dictionaries(st.integers(0, 4), st.integers(0, SOURCES - 1), max_size=3).map(
    lambda pins: tuple(sorted(pins.items()))
)


def _arrays(rows):
    return (
        np.array([[c[0] for c in row] for row in rows], np.float32),
        np.array([[c[1] for c in row] for row in rows], np.intp),
        np.array([[c[2] for c in row] for row in rows]),
    )


def _all_slates(row, quotas, keep):
    """Every slate of full length that breaks no maximum and holds the pins that can be held."""
    there = [i for i, (_, _, valid) in enumerate(row) if valid]
    have = Counter(row[i][1] for i in there)
    most = dict(enumerate((*quotas.most, UNLIMITED)))
    length = min(keep, sum(min(count, most[source]) for source, count in have.items()))
    pins = []
    for source in range(SOURCES):
        own = [slot for slot, s in quotas.pins if s == source and slot < length]
        pins += [(slot, source) for slot in own[: min(have[source], most[source])]]
    for slate in permutations(there, length):
        count = Counter(row[i][1] for i in slate)
        if all(count[s] <= most[s] for s in count) and all(row[slate[slot]][1] == s for slot, s in pins):
            yield slate, count


def _best(row, quotas, keep):
    """Of those, the lexicographically best among the ones that miss the minimums by the least."""
    have = Counter(source for _, source, valid in row if valid)
    least = [min(quotas.least[s], quotas.most[s], have[s]) for s in range(SOURCES)]

    def lack(count):
        return sum(max(0, least[s] - count[s]) for s in range(SOURCES))

    found = min(
        _all_slates(row, quotas, keep),
        key=lambda found: (lack(found[1]), [(-row[i][0], i) for i in found[0]]),
    )
    return list(found[0]), lack(found[1])


@given(st.lists(ROW, min_size=1, max_size=3), LEAST, MOST, PINS, st.integers(1, 5))
def test_the_slate_is_the_best_of_all_that_keep_the_quotas(rows, least, most, pins, keep):
    quotas = Quotas(least, most, pins)
    scores, groups, valid = _arrays(rows)
    picked = pick_blended(scores, groups, quotas, keep, valid)
    for row, slate in zip(rows, picked.tolist(), strict=True):
        best, _ = _best(row, quotas, keep)
        assert slate == best + [-1] * (keep - len(best))


@given(st.lists(ROW, min_size=1, max_size=3), LEAST, MOST, st.integers(1, 7))
def test_without_pins_sorting_gives_the_same_slate_and_the_largest_sum(rows, least, most, keep):
    quotas = Quotas(least, most)
    scores, groups, valid = _arrays(rows)
    slates = sort_blended(scores, groups, quotas, keep, valid)
    assert slates.tolist() == pick_blended(scores, groups, quotas, keep, valid).tolist()
    for row, slate in zip(rows, slates.tolist(), strict=True):
        _, lack = _best(row, quotas, keep)
        have = Counter(source for _, source, there in row if there)
        floors = [min(*pair, have[s]) for s, pair in enumerate(zip(least, most, strict=True))]
        sums = [
            sum(row[i][0] for i in other)
            for other, count in _all_slates(row, quotas, keep)
            if sum(max(0, floor - count[s]) for s, floor in enumerate(floors)) == lack
        ]
        assert sum(row[i][0] for i in slate if i >= 0) == max(sums)


@given(st.lists(ROW, min_size=1, max_size=3), LEAST, st.integers(1, 6))
def test_what_is_kept_has_the_minimums_and_else_the_best(rows, least, keep):
    quotas = Quotas(least, (UNLIMITED,) * SOURCES)
    scores, groups, valid = _arrays(rows)
    kept = keep_blended(scores, groups, quotas, keep, valid)
    slates = pick_blended(scores, groups, quotas, keep, valid)
    for row, there, positions in zip(slates, valid, kept, strict=True):
        assert [p for p in positions if there[p]] == sorted(p for p in row if p >= 0)
        assert list(positions) == sorted(positions)


@given(
    st.lists(ROW, min_size=1, max_size=3),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from([None, 1, 2]),
)
def test_no_quotas_change_nothing(rows, keep, penalty, cap):
    none = Quotas((0,) * SOURCES, (UNLIMITED,) * SOURCES)
    scores, groups, valid = _arrays(rows)
    repeats = Repeats((groups % 2).astype(np.int32), penalty, cap)
    picked = pick_blended(scores, groups, none, keep, valid, repeats)
    assert picked.tolist() == pick_diverse(scores, repeats, keep, valid).tolist()
    best = np.where(np.take_along_axis(valid, sort_best(scores, keep, valid), 1), 1, 0)
    assert (sort_blended(scores, groups, none, keep, valid) >= 0).sum() == best.sum()


@given(
    st.lists(ROW, min_size=1, max_size=3),
    LEAST,
    MOST,
    PINS,
    st.integers(1, 5),
    st.sampled_from([0.0, 0.5, 2.0]),
)
def test_a_penalty_moves_no_quota(rows, least, most, pins, keep, penalty):
    quotas = Quotas(least, most, pins)
    scores, groups, valid = _arrays(rows)
    repeats = Repeats(np.tile(np.array([0, 1, 0, 1, 1], np.int32), (len(rows), 1)), penalty, None)
    picked = pick_blended(scores, groups, quotas, keep, valid, repeats)
    for row, slate in zip(rows, picked.tolist(), strict=True):
        shown = [i for i in slate if i >= 0]
        slates = dict(_all_slates(row, quotas, keep))
        assert tuple(shown) in slates
        have = Counter(source for _, source, there in row if there)
        floors = [min(*pair, have[s]) for s, pair in enumerate(zip(least, most, strict=True))]
        lacks = {o: sum(max(0, f - c[s]) for s, f in enumerate(floors)) for o, c in slates.items()}
        assert lacks[tuple(shown)] == min(lacks.values())


@given(st.lists(ROW, min_size=1, max_size=3), LEAST, MOST, PINS, st.integers(1, 5), st.integers(1, 2))
def test_a_cap_on_keys_comes_before_quotas(rows, least, most, pins, keep, cap):
    scores, groups, valid = _arrays(rows)
    keys = np.tile(np.array([0, 1, 0, 1, 1], np.int32), (len(rows), 1))
    picked = pick_blended(scores, groups, Quotas(least, most, pins), keep, valid, Repeats(keys, 0.0, cap))
    for r, slate in enumerate(picked.tolist()):
        shown = [i for i in slate if i >= 0]
        assert slate == shown + [-1] * (keep - len(shown))
        assert len(set(shown)) == len(shown)
        assert max(Counter(keys[r, shown].tolist()).values(), default=0) <= cap
        count = Counter(groups[r, shown].tolist())
        assert all(count[s] <= most[s] for s in range(SOURCES))


@pytest.mark.parametrize("score", [np.nan, -np.inf])
def test_a_pinned_slot_shows_its_source_however_bad_its_score(score):
    scores = np.array([[3, 2, score, 1]], np.float32)
    groups = np.array([[1, 1, 0, 1]], np.intp)
    picked = pick_blended(scores, groups, Quotas((0,), (UNLIMITED,), ((1, 0),)), 3)
    assert picked.tolist() == [[0, 2, 1]]
