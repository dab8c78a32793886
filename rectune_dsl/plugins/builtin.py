"""What comes with rectune, registered the way a plugin registers."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, RegisterAgent, hookimpl


@hookimpl
def rectune_register_agents(register: RegisterAgent) -> None:
    register("actor", "funnel", "rectune_dsl.agents.actor_funnel:FunnelActor")
    register("actor", "bayes", "rectune_dsl.agents.actor_bayes:BayesActor")
    register("actor", "random", "rectune_dsl.agents.actor_random:RandomActor")
    register("actor", "llm", "rectune_dsl.agents.llm.actor:LLMActor")
    register("actor", "hybrid", "rectune_dsl.agents.llm.actor:HybridActor")
    register("critic", "numeric", "rectune_dsl.agents.critic_numeric:NumericCritic")
    register("critic", "none", "rectune_dsl.agents.critic_none:NoCritic")
    register("critic", "llm", "rectune_dsl.agents.llm.critic:LLMCritic")
    register("online", "numeric", "rectune_dsl.agents.online_numeric:NumericOnline")
    register("online", "llm", "rectune_dsl.agents.llm.online:LLMOnline")
    register("insight", "numeric", "rectune_dsl.agents.insight_numeric:NumericInsight")
    register("insight", "llm", "rectune_dsl.agents.llm.insight:LLMInsight")
    register("skill", "numeric", "rectune_dsl.agents.skill_numeric:NumericSkill")
    register("skill", "llm", "rectune_dsl.agents.llm.skill:LLMSkill")


@hookimpl
def rectune_register_backends(register: Register) -> None:
    register("simulator", "rectune_dsl.backends.simulator:SimulatorBackend")
    register("replay", "rectune_dsl.backends.replay:ReplayBackend")


@hookimpl
def rectune_register_llms(register: Register) -> None:
    register("gemini", "rectune_dsl.llm.gemini:Gemini")


@hookimpl
def rectune_register_executors(register: Register) -> None:
    register("threads", "rectune_dsl.simulator.threads:Threads")
