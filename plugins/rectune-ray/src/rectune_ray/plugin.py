"""What this plugin brings. Ray is imported when something is computed, not before."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, hookimpl


@hookimpl
def rectune_register_executors(register: Register) -> None:
    register("ray", "rectune_ray.executor:RayExecutor")
