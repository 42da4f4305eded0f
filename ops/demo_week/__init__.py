"""A week of bookings for the demo, made through the public API as a client makes them."""
