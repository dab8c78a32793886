"""A task is compiled to a workflow, held against a backend (`preflight`) and run (`campaign`)."""
