"""What this plugin brings. httpx is imported when a model is asked, not before."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, hookimpl


@hookimpl
def rectune_register_llms(register: Register) -> None:
    register("openai", "rectune_openai.provider:OpenAI")
