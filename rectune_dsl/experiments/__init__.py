"""Statistics: estimates, monitors, verdicts and power, as pure functions on sufficient statistics."""
