"""The autopilot: measures how bookings fare, and keeps a sale's admission rate where they fare well."""
