"""Models of how metrics respond to configs."""
