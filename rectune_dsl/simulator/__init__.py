"""The bundled world: users, items, heads and responses. Nothing that tunes may look in here."""
