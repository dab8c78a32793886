"""What the Skillhub is worth: campaigns that learn from others, and what guards them from wrong lessons."""
