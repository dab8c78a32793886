"""A planted language model, and agents that ask it: each asks one question, and goes on numerically.

A single-file plugin. `PLANTED_LLM`, a JSON object in the environment, says what the model does in its calls:
`faults` maps the number of a call, counted from 1, to an outcome, or to "garbage"; `log` names a file of all
calls, as the provider's bill would list them.
"""

import json
import os

from rectune_dsl.agents.actor_random import RandomActor
from rectune_dsl.agents.critic_none import NoCritic
from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.hooks.api import LLMAnswer, NoAnswerError
from rectune_dsl.hooks.specs import hookimpl
from rectune_dsl.llm.ask import ask


@hookimpl
def rectune_register_llms(register):
    register("planted", PlantedLLM)


@hookimpl
def rectune_register_agents(register):
    register("actor", "asking", AskingActor)
    register("critic", "asking", AskingCritic)
    register("insight", "asking", AskingInsight)
    register("online", "asking", AskingOnline)


class PlantedLLM:
    def __init__(self, settings):
        if settings.endpoint == "nowhere":
            raise ValueError("there is nothing there")
        self.model = settings.model or "planted-1"
        self.options = json.loads(os.environ.get("PLANTED_LLM", "{}"))

    def complete(self, prompt, schema):
        number = self._bill(prompt)
        fault = self.options.get("faults", {}).get(str(number))
        if fault == "garbage":
            return LLMAnswer("I would rather not.", self.model, 100, 10)
        if fault is not None:
            raise NoAnswerError("planted", fault, model=self.model, input_tokens=100, retry_after=0.0)
        return LLMAnswer('"agreed"', self.model, 100, 10)

    def _bill(self, prompt):
        """Writes a call down; returns its number."""
        with open(self.options["log"], "a+") as log:
            log.write(json.dumps(prompt[1]) + "\n")
            log.seek(0)
            return len(log.readlines())


def asked(context, question):
    """Asks, and says what came of it. The question differs between rounds, as real ones do."""
    assert context.llm is not None
    try:
        return ask(context.llm, ["Agree.", f"{question} in round {context.round}"], str)
    except NoAnswerError as error:
        return f"no answer: {error}"


class AskingActor(RandomActor):
    asks_model = True

    def propose(self, context):
        asked(context, "propose")
        return super().propose(context)

    def recommend(self, context):
        asked(context, "recommend")
        return super().recommend(context)


class AskingCritic(NoCritic):
    asks_model = True

    def review(self, context, proposals):
        asked(context, "review")
        return super().review(context, proposals)


class AskingOnline(NumericOnline):
    asks_model = True


class AskingInsight(NumericInsight):
    asks_model = True

    def learn(self, context):
        asked(context, "learn")
        return super().learn(context)
