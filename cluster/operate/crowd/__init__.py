"""Simulated buyers, and an organizer: all that they do goes through the public API."""
