"""What may be wrong with what tuners see, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """`stale` is the share of the panel's requests whose head scores come from an older model, `auc` what
    every head reaches at most, `hidden` the strength of an item factor that moves responses and that no head
    sees, in standard deviations of log-odds."""

    name: str = "plain"
    stale: float = 0.0
    auc: float | None = None
    hidden: float = 0.15

    @property
    def truth_key(self) -> str:
        """Names what the truth depends on: a panel that is stale changes nothing of it."""
        return f"hidden{self.hidden:g}-auc{self.auc or 0:g}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(),
        Setting("stale-10", stale=0.1),
        Setting("stale-30", stale=0.3),
        Setting("noisy-heads", auc=0.6),
        Setting("hidden-factor", hidden=0.8),
    )
}
