"""Lanes on a real database: order, failures, other workers, outages."""
