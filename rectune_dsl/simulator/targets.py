"""What a world is held against: measurements, and the names of what can be measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.table import Table

EXPOSURE = "exposure"
"""What responses are given by that need no other response: the item was looked at."""
OTHER_MEASURES = {
    "user_ctr_p50": "the median user's share of exposures that had the first response",
    "user_ctr_p90": "the same share of the user at the ninth decile",
    "looks_p50": "exposures that the median user had in 17 days, of those who came",
    "looks_p90": "exposures that the user at the ninth decile had",
    "looks_max": "the most exposures that a user had; grows with the number of users",
    "top_1pct_share": "share of all exposures that the most exposed 1 % of the items have",
    "exposure_gini": "Gini coefficient of exposures per item, of items with any",
    "topics_effective": "1 / sum of squared shares of the catalogue's topics",
    "size_p50": "the median item's size",
    "size_p90": "the size of the item at the ninth decile",
}
"""Measures that are no rates, by name."""
FITTED = {*OTHER_MEASURES} - {"looks_max", "exposure_gini"}
"""Those that calibration moves something for."""
OF_MANY_USERS = ("top_1pct_share", "exposure_gini", "looks_max")
"""Those that depend on how many users are measured, whatever the world: by chance some items are exposed more
than others, and all the more so where exposures are few."""
ANY_OF = "+"
"""Between responses any of which counts."""


class Target(Table):
    """A published measurement that the world is held against: of one response or amount, per exposure or per
    another response, where items are shown at random and where the standard policy chooses them."""

    of: str
    """A response, an amount, or another measure of the list below; several responses joined by + for any of
    them."""
    per: str = EXPOSURE
    """What it is counted per."""
    random: float | None = None
    """Where items are shown at random."""
    standard: float | None = None
    """Where the standard policy chooses them."""
    main: bool = True
    """Whether the world is fitted to it."""
    source: str
    """Who measured it, and how."""


def parts_of(measure: str) -> list[str]:
    """The responses any of which a measure counts."""
    return [part.strip() for part in measure.split(ANY_OF)]


def problem_of(of: str, per: str, given: Mapping[str, str], amounts: Collection[str]) -> tuple[str, str]:
    """What is wrong with a measure in a world with these amounts and responses, with what each is given by,
    and what would help; empty where nothing is."""
    parts = parts_of(of)
    known = {*given} if len(parts) > 1 else {*given, *amounts, *OTHER_MEASURES}
    for part in parts:
        if part not in known:
            return f"nothing there is called `{part}`", did_you_mean(part, known)
        if len(parts) > 1 and given[part] != EXPOSURE:
            return f"`{part}` needs another response first", "join those that need none"
    if per not in {EXPOSURE, *given}:
        return f"nothing is counted per `{per}`", did_you_mean(per, {EXPOSURE, *given})
    if per != EXPOSURE and (of in OTHER_MEASURES or len(parts) > 1):
        return f"`{of}` is not counted per `{per}`", "leave `per` out"
    return "", ""


def is_fitted(of: str, per: str) -> bool:
    """Whether calibration moves something for a measure; the others follow from these, or do not."""
    return per == EXPOSURE and len(parts_of(of)) == 1 and (of not in OTHER_MEASURES or of in FITTED)
