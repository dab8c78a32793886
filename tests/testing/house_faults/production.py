"""Deliveries that are lost, or cannot be undone."""

from __future__ import annotations

from house_backend import HouseBackend

from house_faults.planting import fault, in_sql

in_sql("delivers_nothing", "UPDATE production SET before = now, now = ?", "UPDATE production SET before = ?")
in_sql("a_delivery_forgets_what_was_before", "before = now, now = ?", "now = ?")
in_sql("a_repeated_delivery_counts_twice", " WHERE now <> ?", " WHERE ? <> ''")
in_sql("rolls_back_nothing", "SET now = before", "SET before = now")
in_sql("a_second_rollback_redoes", "SET now = before", "SET now = before, before = now")


@fault
class RollsBackToNothing(HouseBackend):
    def rollback(self):
        self._ask("UPDATE production SET now = CASE now WHEN before THEN '{}' ELSE before END")


@fault
class ARestartForgetsTheDelivery(HouseBackend):
    def deliver(self, config):
        super().deliver(config)
        self._delivered = True

    def rollback(self):
        self._ask("SELECT 1")
        if hasattr(self, "_delivered"):
            super().rollback()


@fault
class ADeliveryEndsExperiments(HouseBackend):
    def deliver(self, config):
        super().deliver(config)
        self._ask("UPDATE experiments SET state = 'stopped'")
