"""Off-policy evaluation on logged interactions: read a log, play configs on it, estimate their lifts."""
