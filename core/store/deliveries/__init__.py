"""Deliveries in PostgreSQL: planned from the feed, leased by workers, and what became of them."""
