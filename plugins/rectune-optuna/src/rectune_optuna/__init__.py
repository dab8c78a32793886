"""Optuna's samplers as actors of rectune."""
