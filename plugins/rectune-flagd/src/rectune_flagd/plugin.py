"""What this plugin brings."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, hookimpl


@hookimpl
def rectune_register_deliveries(register: Register) -> None:
    register("flagd", "rectune_flagd.delivery:FlagdDelivery")


@hookimpl
def rectune_register_settings(register: Register) -> None:
    register("flagd", "rectune_flagd.delivery:FlagdSettings")
