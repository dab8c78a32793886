"""What this plugin brings. httpx is imported when GrowthBook is asked, not before."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, hookimpl


@hookimpl
def rectune_register_backends(register: Register) -> None:
    register("growthbook", "rectune_growthbook.backend:GrowthBook")


@hookimpl
def rectune_register_settings(register: Register) -> None:
    register("growthbook", "rectune_growthbook.settings:GrowthBookSettings")
