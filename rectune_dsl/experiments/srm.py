"""Sample-ratio mismatch: were users assigned to the arms, and did they come, as designed?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scipy.special import chdtrc

from rectune_dsl.hooks.api import CONTROL, HOLDOUT, Moments, Observation
from rectune_dsl.hooks.errors import UsageError

SRM_THRESHOLD = 0.001
"""An experiment whose p-value falls below it is frozen."""


def srm_p_value(assigned: Sequence[int], shares: Sequence[float] | None = None) -> float:
    """Pearson's chi-square test of `assigned` users per arm against `shares`, equal ones by default.

    Shares need not add up to 1. Returns 1 where fewer than two arms or no users can be compared. Raises
    UsageError where a share is not positive.
    """
    wanted = [1.0] * len(assigned) if shares is None else list(shares)
    if len(wanted) != len(assigned) or any(share <= 0 for share in wanted):
        raise UsageError(
            "every arm needs a positive share of the users", help="give one share per arm, in the arms' order"
        )
    users = sum(assigned)
    if len(assigned) < 2 or users == 0:
        return 1.0
    expected = [users * share / sum(wanted) for share in wanted]
    statistic = sum((n - e) ** 2 / e for n, e in zip(assigned, expected, strict=True))
    return float(chdtrc(len(assigned) - 1, statistic))


def mismatch(
    observation: Observation,
    *,
    leave_out: Collection[str] = (HOLDOUT,),
    shares: Mapping[str, float] | None = None,
    looks: int = 1,
) -> str | None:
    """A sentence about a sample-ratio mismatch, or None.

    Tested are the users assigned, and the users who came and are counted: a config that loses users before
    they are counted leaves only those who like it. Estimates tell those assigned, or nobody.

    `leave_out` are arms that were not assigned along with the others: the holdout by default, and an arm
    whose traffic was taken away where the platform counts users as they come. `shares` maps arms to their
    designed shares; equal ones by default. Whoever asks at each of several `looks` divides the threshold
    among them (Bonferroni).
    """
    threshold = SRM_THRESHOLD / looks
    for what, everyone in _users(observation).items():
        users = {arm: n for arm, n in everyone.items() if arm not in leave_out}
        designed = None if shares is None else [shares[arm] for arm in users]
        p_value = srm_p_value(list(users.values()), designed)
        if p_value < threshold:
            counts = ", ".join(f"{arm} {n:,}" for arm, n in users.items())
            return (
                f"Users were not {what} as designed ({counts}; chi-square p = {p_value:.1g}, below "
                f"{threshold:.2g}): sample-ratio mismatch, nothing can be concluded."
            )
    return None


def assigned(observation: Observation) -> dict[str, int]:
    """Users assigned to each arm; empty where nobody was randomised, or it is not told."""
    if isinstance(observation, Moments):
        return {arm.arm: arm.assigned for arm in observation.arms}
    if not observation.assigned:
        return {}
    return dict(zip((CONTROL, *observation.arms), observation.assigned, strict=True))


def _users(observation: Observation) -> dict[str, dict[str, int]]:
    """Users by arm: those assigned and, where users' moments were observed, those counted."""
    found = {"assigned": assigned(observation)}
    if isinstance(observation, Moments):
        found["counted"] = {arm.arm: arm.n for arm in observation.arms}
    return found
