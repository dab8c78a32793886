"""Numbers that are not those of the tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from house_backend import HouseBackend

from house_faults.planting import fault, in_arms, in_moments, in_sql
from rectune_dsl.hooks.api import ArmMoments, BackendError, Moments


def _without_products(arm: ArmMoments) -> ArmMoments:
    only = np.diag(np.diag(arm.products))
    return replace(arm, products=tuple(map(tuple, only.tolist())))


in_sql("ignores_as_of", ".at < ?", ".at < MAX(?, '9')")
in_sql("counts_from_before_the_exposure", ".at >= exposures.at", ".at >= '0'")
in_sql("counts_late_events_twice", "SUM(amount)", "SUM(amount * (1 + (date(recorded) > date(purchases.at))))")
in_sql("loses_late_events", "SUM(amount)", "SUM(amount * (date(recorded) = date(purchases.at)))")
in_arms("drops_products", _without_products)
in_arms("transposes_sums", lambda arm: replace(arm, sums=arm.sums[::-1]))
in_arms("n_is_more_than_assigned", lambda arm: replace(arm, n=arm.n + 1))
in_arms("loses_a_user", lambda arm: replace(arm, n=arm.n - 1, assigned=arm.assigned - 1))
in_arms("gives_numpy_s_numbers", lambda arm: replace(arm, n=np.int64(arm.n)))
in_moments("control_comes_last", lambda found: replace(found, arms=found.arms[::-1]))
in_moments("says_that_all_is_complete", lambda found: replace(found, complete_until={}))
in_moments("says_that_nothing_is_missing", lambda found: replace(found, missing={}))
in_moments("gives_no_reason", lambda found: replace(found, missing=dict.fromkeys(found.missing, "")))
in_moments("tells_another_time", lambda found: replace(found, as_of=found.as_of.replace(hour=1)))


@fault
class KnowsWholeMillisecondsOnly(HouseBackend):
    def observe(self, experiment, as_of):
        if as_of.microsecond % 1000:
            raise BackendError(f"results do not end at {as_of}", help="ask again")
        return super().observe(experiment, as_of)


@fault
class SumsUncapped(HouseBackend):
    def _users(self, experiment, as_of, spec):
        return super()._users(experiment, as_of, replace(spec, caps={}))


@fault
class SumsUsersAndNotUnits(HouseBackend):
    def _users(self, experiment, as_of, spec):
        found = super()._users(experiment, as_of, spec)
        return [{**user, "unit": f"{at}"} for at, user in enumerate(found)]


@fault
class HistogramsOfAllArms(HouseBackend):
    def _moments(self, arm, users, columns, unit):
        everybody = super()._moments("all", [{**user, "arm": "all"} for user in users], columns, unit)
        return replace(super()._moments(arm, users, columns, unit), histograms=everybody.histograms)


@fault
class KnowsWhatItsOwnProcessCounted(HouseBackend):
    def create(self, spec, key):
        self._before = self._ask("SELECT COUNT(*) FROM exposures")[0][0]
        return super().create(spec, key)

    def _users(self, experiment, as_of, spec):
        return super()._users(experiment, as_of, spec)[self._before :]


@fault
class ABaselineOfTwoArms(HouseBackend):
    def baseline(self, days):
        arm = ArmMoments("control", 9, 9, (9.0,), ((10.0,),))
        return Moments(datetime(2026, 3, 2, tzinfo=UTC), ("minutes",), (arm, replace(arm, arm="other")))
