"""`holdfast import`: a file of bookings, sent as one batch and followed to its end."""
