"""The journal and the records in it: what a run remembers."""
