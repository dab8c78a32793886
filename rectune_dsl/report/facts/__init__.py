"""What a run has found, as plain records: everything that reports show, and nothing of how."""
