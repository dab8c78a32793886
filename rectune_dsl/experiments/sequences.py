"""Confidence sequences: bounds that hold at all looks at once, so that peeking is allowed.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (arXiv 2103.06476): after t observations with standard deviation s, Robbins' normal mixture gives a
one-sided bound at a distance of
    s sqrt( 2 (t r^2 + 1) / (t^2 r^2) * log( 1 + sqrt(t r^2 + 1) / (2 alpha) ) ).
Here the standard error s / sqrt(t) stands apart, and time is a fraction f of the planned horizon h. What
remains depends on t r^2 = f h r^2 alone; h r^2 is chosen so that the bounds are tightest at the horizon.

What is accumulated over days is a mean per user, whose information (1 / variance) plays the part of t. Users'
persistent differences make information grow fastest in the first days. The factor falls until the horizon, so
taking the share of elapsed days for f only makes the bounds wider.
"""

from __future__ import annotations

import math

from scipy.special import lambertw


def one_sided_factor(alpha: float, fraction: float) -> float:
    """Standard errors from the estimate to a one-sided bound at `fraction` of the horizon.

    For 0 < alpha < 1/2. Infinite at fraction 0: nothing is known.
    """
    time = fraction * tuning(2 * alpha)  # t r^2
    if time <= 0:
        return math.inf
    reach = math.log1p(math.sqrt(time + 1) / (2 * alpha))
    return math.sqrt(2 * (time + 1) / time * reach)


def tuning(alpha: float) -> float:
    """h r^2 at which a two-sided sequence is narrowest at the horizon h: with x = h r^2 the root of
    log((x + 1) / alpha^2) = x, which is -W(-alpha^2 / e) - 1 on the lower branch of Lambert's W. One-sided
    sequences use 2 alpha, as the authors do."""
    return float(-lambertw(-(alpha**2) / math.e, k=-1).real - 1)
