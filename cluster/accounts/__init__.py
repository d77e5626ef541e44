"""Buyers who want more than a guest: addresses that are proven by mail, accounts, sessions."""
