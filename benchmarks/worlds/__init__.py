"""Recommender worlds that share nothing with the bundled simulator: own latents, heads and responses."""
