"""Running the stages over candidates: score, keep, re-rank. The hot path."""
