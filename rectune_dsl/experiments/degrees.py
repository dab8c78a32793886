"""Degrees of freedom of a difference of two means with unequal variances."""

from __future__ import annotations


def welch_degrees(first_variance: float, first_n: float, second_variance: float, second_n: float) -> float:
    """Welch-Satterthwaite: variances are those of the two means, from samples of `n` each.

    Welch 1947, "The generalization of Student's problem when several different population variances are
    involved". Where neither varies, the degrees are those of equal variances.
    """
    total = first_variance + second_variance
    if total <= 0.0:
        return first_n + second_n - 2
    # shares instead of squares, so that tiny variances do not underflow
    first, second = first_variance / total, second_variance / total
    return 1.0 / (first**2 / (first_n - 1) + second**2 / (second_n - 1))
