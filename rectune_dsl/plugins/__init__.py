"""The plugin host: finds plugins, isolates their failures, and says what is registered."""
