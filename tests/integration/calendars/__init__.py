"""Calendar files over HTTP: of bookings, and by links that are subscribed to."""
