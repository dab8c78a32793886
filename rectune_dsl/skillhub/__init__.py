"""Skills on disk: what is known about a kind of task, as prose and as records with their evidence."""
