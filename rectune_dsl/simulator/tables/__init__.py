"""The tables of a world file, by what they are about."""
