"""All that a plugin author needs to read: the hooks (`specs`), and what they exchange (`api`)."""
