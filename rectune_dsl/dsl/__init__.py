"""The language: read a task file, check it, and give it to the rest as typed values."""
