"""rectune: tune the configuration of a multi-stage recommender with A/B tests under guardrails."""
