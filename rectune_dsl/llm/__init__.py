"""Language models: providers, and what stands between them and the agents."""
