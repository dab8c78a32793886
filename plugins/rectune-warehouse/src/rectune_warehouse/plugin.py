"""What this plugin brings. Ibis is imported when tables are read, not before."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, hookimpl


@hookimpl
def rectune_register_backends(register: Register) -> None:
    register("warehouse", "rectune_warehouse.backend:Warehouse")


@hookimpl
def rectune_register_settings(register: Register) -> None:
    register("warehouse", "rectune_warehouse.settings:WarehouseSettings")
