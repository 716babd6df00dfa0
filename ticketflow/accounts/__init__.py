"""Accounts: how they are made, signed in to, proven, found again, changed and closed."""

from ticketflow.accounts.accounts import Accounts, Device

__all__ = ["Accounts", "Device"]
