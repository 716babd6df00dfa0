"""Mail: rendered from what the database says, leased from the outbox, handed to an SMTP server."""
