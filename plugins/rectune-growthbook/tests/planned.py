"""An Actor with a plan: in every round a config that helps and one that annoys; then it recommends the first.

A single-file plugin. So a test of the backend does not depend on what an Actor learns.
"""

from rectune_dsl.hooks.api import Config, Hypothesis, Prediction, Proposal, Recommendation
from rectune_dsl.hooks.specs import hookimpl

GOOD, BAD = {"w_like": 3.0, "w_hate": 1.0}, {"w_like": 1.5, "w_hate": 0.25}


@hookimpl
def rectune_register_agents(register):
    register("actor", "planned", Planned)


class Planned:
    def propose(self, context):
        named = (("good", GOOD), ("bad", BAD))
        return [
            Proposal(f"r{context.round}-{name}", Config(values), Hypothesis("It is planned.", ()), "planned")
            for name, values in named[: context.task.experiment.arms]
        ]

    def recommend(self, context):
        hoped = Prediction("U", 0.08, 0.05, 0.11)
        return Recommendation(Config(GOOD), False, (), hoped, 0.99, 0.99, "It is planned.")
