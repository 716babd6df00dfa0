"""TicketFlow: a real-time ticket desk with a virtual waiting room."""

__version__ = "0.1.0"
