"""The A/B backends that come with rectune: the bundled simulator, and replay of logs."""
