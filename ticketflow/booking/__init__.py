"""From a hold to a ticket: the desk accepts, the ledger pays and commits, the keeper keeps time."""
