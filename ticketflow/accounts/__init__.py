"""Accounts: who somebody is, and what may act for them."""
