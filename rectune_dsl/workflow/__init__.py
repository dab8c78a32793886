"""A task becomes a workflow (`compile`), is checked against a backend (`preflight`) and is run (`run`)."""
