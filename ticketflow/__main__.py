"""`python -m ticketflow` is `ticketflow`."""

from ticketflow.cli import main

main()
