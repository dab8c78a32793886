"""rectune on GrowthBook."""
