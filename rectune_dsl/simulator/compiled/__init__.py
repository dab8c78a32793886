"""Heads and log-odds as a kernel makes them, request by request. Only where numba is installed."""
