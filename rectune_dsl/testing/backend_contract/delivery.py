"""Shipping the winner to everybody, and taking it back."""

from __future__ import annotations

import pytest

from rectune_dsl.hooks.api import Config
from rectune_dsl.testing.backend_contract.rig import Rig
from rectune_dsl.testing.backend_contract.trial import started


class Delivery:
    """The one act of a campaign that reaches all users, and the one that has to be undone."""

    def test_what_is_delivered_is_production(self, rig: Rig) -> None:
        """Else a campaign says that it shipped, and nothing has changed."""
        _, first, second = configs(rig)
        assert rig.production() == rig.spec.arms[0].config
        backend = rig.backend()
        for config in (first, second, second):
            backend.deliver(config)
            assert rig.production() == config

    def test_a_rollback_brings_back_what_was_before(self, rig: Rig) -> None:
        """Else a bad config stays with all users when somebody pulls the brake."""
        production, first, second = configs(rig)
        backend = rig.backend()
        backend.deliver(first)
        backend.rollback()
        assert rig.production() == production
        backend.deliver(first)
        backend.deliver(second)
        backend.rollback()
        assert rig.production() == first

    def test_a_second_rollback_undoes_no_more(self, rig: Rig) -> None:
        """Else a rollback that is repeated after a crash brings back the bad config, or one long gone."""
        _, first, second = configs(rig)
        backend = rig.backend()
        backend.deliver(first)
        backend.deliver(second)
        for _ in range(3):
            backend.rollback()
            assert rig.production() == first

    def test_a_rollback_of_nothing_changes_nothing(self, rig: Rig) -> None:
        """Else an abort before the first delivery leaves the surface without a config."""
        rig.backend().rollback()
        assert rig.production() == rig.spec.arms[0].config

    def test_a_delivery_that_is_repeated_is_undone_at_once(self, rig: Rig) -> None:
        """Else a delivery repeated after a crash is taken for what was before, and cannot be undone."""
        production, first, _ = configs(rig)
        backend = rig.backend()
        for _ in range(2):
            backend.deliver(first)
        backend.rollback()
        assert rig.production() == production

    def test_a_delivery_leaves_experiments_alone(self, rig: Rig) -> None:
        """Else a campaign that ships ends, or moves, the arms of another that runs on the surface."""
        trial = started(rig)
        trial.after(1)
        before = trial.arms()
        trial.backend.deliver(configs(rig)[1])
        assert trial.arms() == before

    def test_a_new_process_knows_what_was_delivered(self, rig: Rig) -> None:
        """Else a crash takes the delivery back, or a rollback after it finds nothing to undo."""
        production, first, second = configs(rig)
        backend = rig.backend()
        if backend.capabilities().virtual_time:
            pytest.skip("where time is virtual, a new process has a platform of its own")
        backend.deliver(first)
        rig.backend().deliver(first)
        assert rig.production() == first
        rig.backend().rollback()
        assert rig.production() == production
        rig.backend().deliver(second)
        rig.backend().rollback()
        rig.backend().rollback()
        assert rig.production() == production


def configs(rig: Rig) -> tuple[Config, ...]:
    """Production and two others: the configs of the rig's arms."""
    return tuple(arm.config for arm in rig.spec.arms[:3])
