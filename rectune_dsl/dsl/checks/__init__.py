"""What a task must keep beyond its types: one file per subject, each a `check(draft)` of diagnostics."""
