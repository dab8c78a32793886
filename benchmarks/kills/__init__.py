"""Campaigns that are killed, on a platform outside of them."""
