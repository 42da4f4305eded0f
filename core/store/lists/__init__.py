"""Pages of bookings and people, and their counts, at any size."""
