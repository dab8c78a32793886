"""Testing for authors of tasks and plugins: a pytest plugin, Hypothesis strategies, whole projects."""
