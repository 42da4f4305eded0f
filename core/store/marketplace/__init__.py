"""The marketplace in PostgreSQL: its catalogue, and what its bookings have beside the rest."""
